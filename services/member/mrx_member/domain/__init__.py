"""Reading a member's list: headings, dates, cells, pages. Pure, and the same on every machine."""
