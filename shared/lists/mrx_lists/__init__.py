"""Members' files, read alike by every part of MRX: cells, headings, tables, languages of mails.

`sheets` turns CSV and XLSX into cells, `columns` knows what headings mean and what must not be sent, `tables` reads rows
of few columns, `languages` the languages of mails. Rules and the standard library, but for `sheets`, which needs openpyxl.
"""
