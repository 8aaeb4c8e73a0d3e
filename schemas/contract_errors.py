"""Why a contract refuses to load: one class per fault, each naming the file and, where there is one, the field."""

from __future__ import annotations

from schemas.errors import NotFoundError, RefusedError


class ContractError(RefusedError):
    """The root of all faults of a contract file; fields: `file`, mostly `field`."""

    code = "contract.refused"


class UnreadableContractError(ContractError):
    """The file is not JSON, or not a JSON object; field: `file`."""

    code = "contract.unreadable"


class NotRecordError(ContractError):
    """The file does not hold an Avro record with a list of fields; field: `file`."""

    code = "contract.not_record"


class ContractHeadError(ContractError):
    """The record-level `casebus` object lacks a key or has a wrong value; fields: `file`, `key`."""

    code = "contract.head"


class ContractNameError(ContractError):
    """File, folder, namespace, record name and event type do not agree; fields: `file`, `expected`."""

    code = "contract.name"


class FieldNameError(ContractError):
    """A field name is not lower-case ASCII snake case; fields: `file`, `field`."""

    code = "contract.field_name"


class DuplicateFieldError(ContractError):
    """A field stands twice; fields: `file`, `field`."""

    code = "contract.duplicate_field"


class UnlabelledFieldError(ContractError):
    """A field has no `casebus.level`, `casebus.flags` or `casebus.about`; fields: `file`, `field`, `key`."""

    code = "contract.unlabelled"


class FieldLevelError(ContractError):
    """A level is not 1, 2, 3 or 4; fields: `file`, `field`."""

    code = "contract.level"


class UnknownFlagError(ContractError):
    """A flag is none of the known compartments; fields: `file`, `field`, `flag`."""

    code = "contract.flag"


class FieldAboutError(ContractError):
    """A field is about nobody we know; fields: `file`, `field`."""

    code = "contract.about"


class UntitledFieldError(ContractError):
    """A field lacks its Chinese or English name, or its source; fields: `file`, `field`, `key`."""

    code = "contract.untitled"


class FieldAttributeError(ContractError):
    """An attribute `casebus.*` is unknown or has a wrong value; fields: `file`, `field`, `key`."""

    code = "contract.attribute"


class NullFirstError(ContractError):
    """A union is not `["null", type]`; fields: `file`, `field`."""

    code = "contract.null_first"


class DefaultError(ContractError):
    """A nullable field lacks `default: null`, or another field has a default; fields: `file`, `field`."""

    code = "contract.default"


class UnsupportedTypeError(ContractError):
    """A type lies outside the conventions; fields: `file`, `field`, `what`."""

    code = "contract.type"


class SubjectError(ContractError):
    """The subject or a case reference is no mandatory level 2 string of the contract; fields: `file`, `field`."""

    code = "contract.subject"


class ContractIdError(ContractError):
    """ids.json has no usable id for the contract; fields: `file`, `contract`."""

    code = "contract.id"


class DuplicateIdError(ContractError):
    """Two contracts share an id or a (type, version); fields: `file`, `contract`, `other`."""

    code = "contract.duplicate_id"


class ChangedContractError(ContractError):
    """A contract that was recorded has another content now; fields: `file`, `contract`."""

    code = "contract.changed"


class UnknownTypeError(NotFoundError):
    """No contract has this event type; field: `type`."""

    code = "contract.unknown_type"


class UnknownSchemaError(NotFoundError):
    """No contract has this id; field: `id`."""

    code = "contract.unknown_id"


class PersonInClearError(ContractError):
    """A field would hold a person's name, number, phone or address; fields: `file`, `field`."""

    code = "contract.person_in_clear"


class OwnerError(ContractError):
    """The contract names no owner, or one that is no kind of organisation; fields: `file`, `contract`."""

    code = "contract.owner"


class AgreementError(ContractError):
    """A court or a procuratorate shares on a condition without naming its agreement; fields: `file`, `contract`."""

    code = "contract.agreement"


class ShareError(ContractError):
    """A contract above level 2 is shared without a condition; fields: `file`, `contract`."""

    code = "contract.share"


class ThemeError(ContractError):
    """The contract names no theme, or one that is not in the list; fields: `file`, `contract`, `theme`."""

    code = "contract.theme"


class UndescribedFieldError(ContractError):
    """A field has no description; fields: `file`, `field`."""

    code = "contract.undescribed"


class MissingContractError(ContractError):
    """ids.json records a contract whose file is gone; fields: `file`, `contract`."""

    code = "contract.missing"
