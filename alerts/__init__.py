"""What happens after a detection: lifecycle, severity, wording."""

from alerts.detection import Detection, Facts
from alerts.lifecycle import AlertBook
from alerts.model import Alert, AlertEvidence

__all__ = ["Alert", "AlertBook", "AlertEvidence", "Detection", "Facts"]
