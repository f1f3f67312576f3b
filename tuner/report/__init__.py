"""The report: reads stored results, never recomputes."""

from tuner.report.render import REPORT_NAME, render, write_page, write_report

__all__ = ["REPORT_NAME", "render", "write_page", "write_report"]
