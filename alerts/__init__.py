"""What happens after a detection: lifecycle, severity, wording; who is told of it, when and why."""

from alerts.delivery import Delivery
from alerts.detection import Detection, Facts
from alerts.lifecycle import AlertBook
from alerts.model import Alert, AlertEvidence

__all__ = ["Alert", "AlertBook", "AlertEvidence", "Delivery", "Detection", "Facts"]
