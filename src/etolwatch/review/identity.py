"""What makes a finding this finding: its page, its capture, and what it says."""

from __future__ import annotations

from etolwatch.archive.findings import is_listed
from etolwatch.collate.cluster import signature_of
from etolwatch.contract import digest_of
from etolwatch.errors import UsageError
from etolwatch.model import Finding
from etolwatch.review.judgement import FindingTarget

__all__ = ["digest_of", "is_listed", "signature_of", "target_of"]


def target_of(finding: Finding) -> FindingTarget:
    """The finding as it is now, to be judged. Raises UsageError for one without a capture."""
    if finding.captured_at is None:
        raise UsageError("only a finding on a capture can be judged", finding.uri)
    return FindingTarget(finding.uri, finding.captured_at, digest_of(finding))
