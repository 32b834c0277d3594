"""Numbers of a study -> figures, tables, checklists and one self-contained HTML document."""
