"""What can be wrong with a supervision model; each names the file and the place in it."""

from __future__ import annotations

from typing import ClassVar

from schemas.errors import NotFoundError, RefusedError


class ModelError(RefusedError):
    """A model file that cannot be used; fields: file, path and what is named there."""

    code: ClassVar[str] = "model.refused"


class ModelMissingError(NotFoundError):
    """There is no such model, neither a file nor an id."""

    code: ClassVar[str] = "model.not_found"


class NotYamlError(ModelError):
    """The file is not YAML, or a key stands twice in it."""

    code: ClassVar[str] = "model.yaml"


class SchemaMismatchError(ModelError):
    """The file does not fit the model schema."""

    code: ClassVar[str] = "model.schema"


class UnknownTypeError(ModelError):
    """No contract has this event type."""

    code: ClassVar[str] = "model.unknown_type"


class UnknownFieldError(ModelError):
    """The field is not in the model's own list, or not in the contract."""

    code: ClassVar[str] = "model.unknown_field"


class FieldTypeError(ModelError):
    """The field has another type than its use needs."""

    code: ClassVar[str] = "model.field_type"


class UnknownInputError(ModelError):
    """The pattern names an input that the model does not declare."""

    code: ClassVar[str] = "model.unknown_input"


class UnknownParamError(ModelError):
    """The model uses a parameter that it does not declare."""

    code: ClassVar[str] = "model.unknown_param"


class ParamRangeError(ModelError):
    """A parameter lies outside its range."""

    code: ClassVar[str] = "model.param_range"


class UnknownLawError(ModelError):
    """A limit or parameter rests on an article that the model does not cite."""

    code: ClassVar[str] = "model.unknown_law"


class UnknownPlaceholderError(ModelError):
    """The explanation names a placeholder that nothing fills."""

    code: ClassVar[str] = "model.unknown_placeholder"


class BadTestError(ModelError):
    """An inline test cannot be read."""

    code: ClassVar[str] = "model.bad_test"


class MissingTestError(ModelError):
    """A kind of inline test that this pattern needs is missing."""

    code: ClassVar[str] = "model.missing_test"


class DuplicateModelError(ModelError):
    """Two model files carry the same id."""

    code: ClassVar[str] = "model.duplicate_id"
