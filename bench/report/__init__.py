"""The report: records in, a table, two pictures, an HTML page and Markdown out."""
