"""The run without a page: JUnit, SARIF, Markdown, text, CSV and frames."""
