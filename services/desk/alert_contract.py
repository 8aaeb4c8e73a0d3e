"""An alert as a contract, so that the one decision function decides alerts and events alike.

The shell is level 2; the detail was computed from fields up to level 3, so it carries their join. The contract never
stands on the wire: its id is 0 and `casebus.alerts` has a format of its own.
"""

from __future__ import annotations

from schemas.contract import Contract, Field

ALERT_TYPE = "casebus.alert"
SHELL_CLASS = 0
DETAIL_CLASS = 1
NO_ID = 0

_SHELL = (
    ("model", "模型", "Model"),
    ("state", "状态", "State"),
    ("severity", "等级", "Severity"),
    ("district", "区", "District"),
    ("unit", "承办单位", "Unit"),
    ("opened_at", "起算时间", "Clock opened at"),
    ("due_at", "期限届满", "Due at"),
    ("closed_at", "办结时间", "Closed at"),
    ("reported_at", "报送时间", "Reported at"),
)
_DETAIL = (
    ("subject", "案件编号", "Case reference"),
    ("explain", "情况说明", "Explanation"),
    ("steps", "期限计算过程", "Deadline arithmetic"),
    ("basis", "法律依据", "Legal basis"),
    ("timeline", "案件时间轴", "Events of the case"),
)


def _field(name: str, zh: str, en: str, level: int) -> Field:
    return Field(
        name=name,
        avro_type="string",
        level=level,
        flags=frozenset(),
        about="",
        zh=zh,
        en=en,
        doc=en,
        source="casebus",
        nullable=False,
    )


FIELDS = (*(_field(*names, level=2) for names in _SHELL), *(_field(*names, level=3) for names in _DETAIL))

ALERT = Contract(
    id=NO_ID,
    type=ALERT_TYPE,
    version=1,
    agency="casebus",
    zh="监督预警",
    en="Supervision alert",
    schema={
        "type": "record",
        "name": "Alert",
        "namespace": "casebus.supervision",
        "fields": [{"name": field.name, "type": field.avro_type} for field in FIELDS],
    },
    fields=FIELDS,
    subject_field="model",
    retention_days=3650,
    share="none",
    themes=(),
    case_refs={},
)
"""The alert: class 0 is the shell, class 1 the detail."""
