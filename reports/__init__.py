"""Renderers of an ``AuditResult``: HTML, JUnit, Markdown."""
