"""Tools from Python: a function or a class becomes the dict that describes it, and its calls are read back."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints, overload

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from unified_llm import json_codec
from unified_llm.docstrings import described
from unified_llm.errors import BadRequestError
from unified_llm.json_codec import as_dict, as_list
from unified_llm.schemas import closed, schema_of
from unified_llm.types import JSON

T = TypeVar("T")

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What a function may be called: OpenAI's rule, which is the narrowest (Claude takes 128 characters, Mistral 256)."""


class Tool(dict[str, Any]):
    """A tool: the dict that describes it to a model, and the function that does it.

    `tool_of()` makes one of a function. Made by hand it joins a function to a description that comes from elsewhere, as
    from an MCP server; the arguments of its calls are then not checked.

    Attributes:
        function: what `run_tools()` calls, with the arguments by their names; None leaves the calls to the caller.

    Example:
        >>> schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        >>> tool = Tool({"type": "function", "function": {"name": "weather", "parameters": schema}}, lambda city: 25)
        >>> tool.function(**tool.parse('{"city": "LA"}'))
        25
    """

    __slots__ = ("_reader", "function")

    def __init__(
        self,
        fields: Mapping[str, Any],
        function: Callable[..., Any] | None = None,
        *,
        reader: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__(fields)
        self.function = function
        self._reader = reader

    def parse(self, arguments: str) -> Any:
        """The arguments of a call, checked: by name for a function, an instance for a class.

        Raises:
            ValueError: they are no JSON object, or (`pydantic.ValidationError`) not of the types.
        """
        if not isinstance(arguments, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"the arguments are {type(arguments).__name__}, not a JSON string")
        return (self._reader or _object)(arguments or "{}")


def tool_of(value: Any, *, name: str | None = None, description: str | None = None, strict: bool | None = None) -> Tool:
    """The tool that a function or a class describes.

    Args:
        value: a function, a method, a `functools.partial` or another callable, whose parameters are those of the tool;
            or a pydantic model, a dataclass or a TypedDict, whose fields are. A dict is a tool already.
        name: its name; when not given, that of the value.
        description: what it is for; when not given, the text of the docstring before its sections.
        strict: whether the provider is to hold the model to the schema. With True every parameter is required.

    Returns:
        A `Tool`: a dict of OpenAI's form. Parameters are described by `Field(description=...)`, by a string in
        `Annotated`, or by the docstring, in this order.

    Raises:
        BadRequestError: a parameter or a type that no JSON schema can describe.

    Example:
        >>> def get_weather(city: str, days: int = 1) -> str:
        ...     '''The weather in a city.'''
        >>> tool_of(get_weather)["function"]["parameters"]["required"]
        ['city']
    """
    if isinstance(value, Mapping):
        return value if isinstance(value, Tool) else Tool(cast("JSON", value))
    if not callable(value):
        raise BadRequestError(f"a tool is {type(value).__name__}; give a dict, a function or a pydantic class")
    function: JSON = {"name": _checked(name or name_of(value))}
    source = _Class(value) if inspect.isclass(value) else _Function(value, function["name"])
    if text := source.text if description is None else description:
        function["description"] = text
    function["parameters"] = closed(source.schema) if strict else source.schema
    if strict is not None:
        function["strict"] = strict
    return Tool({"type": "function", "function": function}, source.function, reader=source.read)


@overload
def parse_tool_call(call: Mapping[str, Any], tools: Sequence[type[T]]) -> T: ...
@overload
def parse_tool_call(call: Mapping[str, Any], tools: Sequence[Any]) -> Any: ...
def parse_tool_call(call: Mapping[str, Any], tools: Sequence[Any]) -> Any:
    """What a tool call says, in the types of its tool.

    Args:
        call: one of `response.tool_calls`.
        tools: those that the model had.

    Returns:
        An instance where the tool is a class; the checked arguments by their names where it is a function; the parsed
        JSON where it is a dict.

    Raises:
        LookupError: no tool has this name.
        ValueError: the arguments are not JSON, or (`pydantic.ValidationError`) not of the tool's types.

    Example:
        >>> from pydantic import BaseModel
        >>> class GetWeather(BaseModel):
        ...     city: str
        >>> call = {"id": "a", "type": "function", "function": {"name": "GetWeather", "arguments": '{"city": "LA"}'}}
        >>> parse_tool_call(call, [GetWeather])
        GetWeather(city='LA')
    """
    function = as_dict(as_dict(call).get("function"))
    known = [tool_of(value) for value in tools]
    for tool in known:
        if function.get("name") in names_of(tool):
            return tool.parse(function.get("arguments") or "")
    names = ", ".join(name for tool in known for name in names_of(tool))
    raise LookupError(f"no tool is called {function.get('name')!r}; there are: {names or 'none'}")


def names_of(tool: Mapping[str, Any]) -> list[str]:
    """The names by which a tool may be called, in whatever provider's form it is."""
    inner = [tool.get(key) for key in ("function", "custom", "toolSpec")]
    declared = tool.get("functionDeclarations") or tool.get("function_declarations")
    named = [tool, *inner, *as_list(declared)]
    return [name for one in named if isinstance(name := as_dict(one).get("name"), str)]


def name_of(value: Any) -> str:
    """What a function, a class or another callable is called."""
    value = _origin(value)
    return getattr(value, "__name__", None) or type(value).__name__


def words_of(error: Exception) -> str:
    """What an exception says, beginning with its type; of pydantic's the places and the messages."""
    said = str(error)
    if isinstance(error, ValidationError):
        details = error.errors(include_url=False, include_context=False, include_input=False)
        said = "\n".join(": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in details)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _origin(value: Any) -> Any:
    """The function under a `functools.partial`."""
    return value.func if isinstance(value, partial) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _written(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that stands in the source: of an object that can be called its method."""
    return function if inspect.isroutine(function) else type(function).__call__


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise BadRequestError(
            f"{name!r} is no name for a tool: up to 64 letters, digits, _ and -; give tool_of(..., name=...)"
        )
    return name


def _object(arguments: str) -> JSON:
    value = json_codec.loads(arguments)
    if not isinstance(value, dict):
        raise ValueError(f"the arguments are {type(value).__name__}, not a JSON object")
    return as_dict(value)


class _Class:
    """A tool whose parameters are the fields of a class, and whose calls are its instances."""

    function = None

    def __init__(self, kind: type[Any]) -> None:
        adapter = _adapter(kind, kind.__name__)
        self.read = adapter.validate_json
        self.schema = schema_of(adapter, kind.__name__)
        self.text: str = self.schema.pop("description", "")


class _Function:
    """A tool whose parameters are those of a function.

    pydantic reads the arguments as for `validate_call`: the function is represented by another one of the same
    signature, which gives back what it is called with.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        def represent(*by_place: Any, **arguments: Any) -> JSON:
            if by_place:  # from a JSON array, which pydantic takes too
                raise ValueError("the arguments are a list, not a JSON object")
            return arguments

        self.function = function
        self.parameters = _parameters(function, name)
        represent.__name__ = name
        represent.__annotations__ = {one.name: one.annotation for one in self.parameters}
        represent.__annotations__ = _resolved(represent, function, name)
        self.parameters = [one.replace(annotation=represent.__annotations__[one.name]) for one in self.parameters]
        vars(represent)["__signature__"] = inspect.Signature(self.parameters)
        self.adapter = _adapter(represent, name)
        self.schema = schema_of(self.adapter, name)
        origin = _origin(function)
        said = [described(inspect.getdoc(one)) for one in (origin, _written(origin))]
        self.text = said[0].text or said[1].text
        for one in self.parameters:
            self._describe(one, (said[1].parameters | said[0].parameters).get(one.name))

    def read(self, arguments: str) -> Any:
        """The arguments of a call by their names, with the defaults of those that it lacks."""
        return self.adapter.validate_json(arguments)

    def _describe(self, parameter: inspect.Parameter, said: str | None) -> None:
        """Put what is told of a parameter into its schema; pydantic keeps of a parameter only what it checks."""
        field = _field(parameter)
        keys = (field.validation_alias, field.alias, parameter.name)
        key = next((key for key in keys if key in self.schema.get("properties", {})), None)
        if key is None:
            return  # **rest
        schema: JSON = self.schema["properties"][key]
        text = field.description or _annotation_text(parameter.annotation) or said
        told = {"title": field.title, "description": text, "examples": field.examples, "deprecated": field.deprecated}
        schema |= {key: value for key, value in told.items() if value}
        schema |= as_dict(field.json_schema_extra)


def _parameters(function: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    """The parameters that a model is to fill: those that a `functools.partial` has not."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError as error:
        raise BadRequestError(f"the tool {name} has no signature that Python could tell: {error}") from error
    bound: Mapping[str, Any] = function.keywords if isinstance(function, partial) else {}
    for one in parameters:
        if one.kind in (one.VAR_POSITIONAL, one.POSITIONAL_ONLY):
            raise BadRequestError(f"the parameter {one} of the tool {name} takes no name, by which models fill it")
    return [
        one.replace(annotation=Any if one.annotation is one.empty else one.annotation)
        for one in parameters
        if one.name not in bound
    ]


def _resolved(annotated: Callable[..., Any], function: Callable[..., Any], name: str) -> dict[str, Any]:
    """The annotations as types, where they are strings."""
    scope = getattr(inspect.unwrap(_written(_origin(function))), "__globals__", {})
    try:
        hints = get_type_hints(annotated, scope, include_extras=True)
    except NameError as error:
        raise BadRequestError(
            f"an annotation of the tool {name} cannot be resolved: {error}; types must be known to its whole module"
        ) from error
    if unpacked := [key for key, hint in hints.items() if str(get_origin(hint)).endswith(".Unpack")]:
        raise BadRequestError(f"the tool {name} unpacks **{unpacked[0]}; make its keys parameters")
    return hints


def _adapter(value: Any, name: str) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(value)
    except PydanticUserError as error:
        why = error.message.split(". ")[0]
        raise BadRequestError(
            f"the tool {name} cannot be described: {why}; what no model can fill binds functools.partial"
        ) from error


def _field(parameter: inspect.Parameter) -> FieldInfo:
    if parameter.default is parameter.empty:
        return FieldInfo.from_annotation(parameter.annotation)
    return FieldInfo.from_annotated_attribute(parameter.annotation, parameter.default)


def _annotation_text(annotation: Any) -> str | None:
    """The string, or the text of the `Doc`, in an `Annotated`."""
    extras = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    texts = [extra if isinstance(extra, str) else getattr(extra, "documentation", None) for extra in extras]
    return next((text for text in texts if text), None)
