"""The report: a table, two pictures, an HTML page and Markdown, made from records."""
