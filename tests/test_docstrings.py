"""What the docstring of a function says to a model of its tool and its parameters."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field
from typing_extensions import Doc

from unified_llm import tool_of


def schema_of(function: Any) -> Any:
    return tool_of(function)["function"]["parameters"]


GOOGLE = """The weather, e.g. rain.

    It is a forecast: no promise.

    Args:
        city (str): The city,
            with its country.
        days (list[int], optional): Which days: 0 is today.

    Returns:
        city: not a parameter
    """
NUMPY = """The weather, e.g. rain.

    It is a forecast: no promise.

    Parameters
    ----------
    city : str
        The city,
        with its country.
    days : list of int, optional
        Which days: 0 is today.

    Returns
    -------
    city
        Not a parameter.
    """
SPHINX = """The weather, e.g. rain.

    It is a forecast: no promise.

    :param str city: The city,
        with its country.
    :param days: Which days: 0 is today.
    :type days: list[int] or None
    :returns: the weather
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX], ids=["Google", "NumPy", "Sphinx"])
def test_a_docstring_of_any_style_says_what_the_tool_and_its_parameters_are(docstring):
    def f(city: str, days: list[int] | None = None) -> str: ...

    f.__doc__ = docstring
    function = tool_of(f)["function"]
    said = {name: schema.get("description") for name, schema in function["parameters"]["properties"].items()}
    assert function["description"] == "The weather, e.g. rain.\n\nIt is a forecast: no promise."
    assert said == {"city": "The city, with its country.", "days": "Which days: 0 is today."}


def test_numpys_parameters_that_share_a_line_share_their_text():
    def f(x: int, y: int) -> None:
        """Add.

        Parameters
        ----------
        x, y : int
            A number.
        """

    said = [schema["description"] for schema in schema_of(f)["properties"].values()]
    assert said == ["A number.", "A number."]


@pytest.mark.parametrize("text", ["Note: it rains.", "Args", "x: y", "A list:\n\n- x: 1\n- y: 2", "Args: none at all"])
def test_text_that_is_no_section_is_text(text):
    def f(x: int) -> None: ...

    f.__doc__ = text
    assert tool_of(f)["function"]["description"] == text
    assert "description" not in schema_of(f)["properties"]["x"]


def test_without_a_docstring_there_is_no_description():
    def forecast(city: str) -> None: ...

    assert "description" not in tool_of(forecast)["function"]


def test_an_annotation_says_more_than_the_docstring_and_a_field_more_than_a_string():
    def f(
        a: Annotated[int, "from the string"],
        b: Annotated[int, "from the string", Field(description="from the field")],
        c: Annotated[int, Doc("from the doc")],
        d: int,
    ) -> None:
        """F.

        Args:
            a: docstring
            b: docstring
            c: docstring
            d: from the docstring
        """

    said = [schema["description"] for schema in schema_of(f)["properties"].values()]
    assert said == ["from the string", "from the field", "from the doc", "from the docstring"]
