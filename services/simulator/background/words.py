"""What the small stories say where a contract leaves the words to the agency: invented, and the same in every city."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "agent_id": "中介机构-07",
    "approved_by": "P-0003",
    "assess": "悔改表现明显，考核期内无违规",
    "assigned_by": "P-0003",
    "assignee": "P-0017",
    "basis": "经核查，现有证据不足以认定犯罪事实",
    "cause": "逃逸",
    "clock": "working_days_30",
    "detail": "同一订阅一分钟内请求量超出基线",
    "dismissal": "NIL",
    "factors": "固定住所",
    "facts_unit": "元",
    "fields": "ajbh",
    "gate_id": "KK-990103-12",
    "goods": "涉案台账一册",
    "goods_list": "涉案台账一册",
    "grounds": "评估时未计入固定住所和监护条件",
    "items": "询问笔录",
    "last_sent": "P",
    "matricola": "0",
    "matter": "涉案企业合规整改的衔接与反馈",
    "measures": "已更正文书并组织业务培训",
    "metric": "COD",
    "model_code": "M01",
    "model_ver": "1.0.0",
    "notification_type": "P",
    "officer": "P-0021",
    "opinions": "犯罪事实清楚，证据确实充分，移送审查起诉",
    "outline": "补充资金去向和主观明知的证据",
    "parcel": "DK-990103-2025-00042",
    "place": "演示一路12号",
    "plate": "演A10042",
    "project": "演示花园二期",
    "purpose": "日常业务",
    "qty_unit": "mg/L",
    "reason": "材料齐备，程序合规",
    "result": "双方认可，限期整改",
    "role": "P_CASE",
    "route": "演示一路至演示港",
    "sentence_proposal": "有期徒刑一年",
    "summary": "无干预、插手或者过问情形",
    "text": "现场检查程序规范，未见多头重复检查",
    "topic": "窗口缴费与退费问题",
    "to_accounts": "演示银行-尾号0042",
    "truck_plate": "演A10088",
    "types": "police.case.filed",
    "url": "https://gongshi.example/990103/42",
    "vehicle_class": "A",
    "zone": "C-07",
}
"""Field name → text."""

HASHES = frozenset({"address_hash", "case_digest", "root_hash", "sha256", "alert_no", "alert_id"})
"""Fields that hold a digest in hexadecimal."""

NUMBERS: Mapping[str, int | float] = {
    "approvers": 2,
    "area_square_metres": 1_200,
    "article": 157,
    "contracts": 242,
    "limit": 30,
    "limit_days": 30,
    "reply_limit": 60,
    "score": 88,
    "size": 4_096,
    "workers": 12,
    "year": 2024,
}
"""Field name → number; other numbers are small, other amounts are drawn once a story."""

OTHERS = frozenset({"agent", "complainant", "creditor", "informant", "new", "served_to"})
"""Person fields that name somebody else than the person the story is about."""

INSTITUTIONS = ("org_", "from_org", "parent_")
"""Beginnings of fields whose credit code is an institution's, not the enterprise the story is about."""

LATER: Mapping[str, int] = {
    "ban_until": 180,
    "deadline": 7,
    "due_at": 7,
    "due_date": 10,
    "end_date": 180,
    "expiry": 180,
    "fine_due": 30,
    "new_end": 60,
    "review_due": 365,
    "term_end": 180,
    "to": 5,
    "until": 180,
    "valid": 90,
    "valid_to": 365,
}
"""Fields of dates that lie ahead: days after the event."""
