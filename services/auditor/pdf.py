"""The printable report as PDF, set by WeasyPrint with the machine's fonts; nothing is fetched from anywhere."""

from __future__ import annotations

from services.auditor.errors import PdfUnavailableError


def pdf_of(page: str) -> bytes:
    """Set a page of `report_page` as PDF.

    Raises:
        PdfUnavailableError: the typesetter's system libraries (Pango, HarfBuzz) are not on this machine.
    """
    try:
        # It loads its libraries when it is imported: slow, and only here a reason to stop.
        from weasyprint import HTML, URLFetcher  # noqa: PLC0415
    except OSError as error:
        raise PdfUnavailableError(reason=type(error).__name__) from None
    # A page of ours stands by itself: no address of any kind is followed.
    content: bytes = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf(pdf_tags=True)
    return content
