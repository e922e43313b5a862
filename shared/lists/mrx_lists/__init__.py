"""Members' files, read alike by every part of MRX: cells, headings, tables, languages of mails.

`sheets` turns CSV and XLSX into cells and needs openpyxl. The other modules are rules: `columns` knows what headings mean
and which of them must not be sent, `tables` reads rows of few columns, `languages` the languages of mails.
"""
