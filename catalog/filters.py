"""What `--where` and `--sort` may say: a check of the expression's syntax tree, before anything runs.

Separate because this is the door to the database: only names of a clip's fields, plain operators, and functions that
compute one value from others get through. The parser itself is called by the store, which hands the tree over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.errors import BadRequest
from catalog.names import nearest
from catalog.records import SCORE_NAMES

FIELDS: tuple[tuple[str, str], ...] = (
    ("id", "VARCHAR"),
    ("recording", "VARCHAR"),
    ("path", "VARCHAR"),
    ("speaker", "VARCHAR"),
    ("start_s", "DOUBLE"),
    ("end_s", "DOUBLE"),
    ("duration_s", "DOUBLE"),
    ("start", "BIGINT"),
    ("end", "BIGINT"),
    ("sample_rate", "INTEGER"),
    ("short", "BOOLEAN"),
    ("verdict", "VARCHAR"),
    ("reasons", "VARCHAR[]"),
    ("tags", "VARCHAR[]"),
    ("note", "VARCHAR"),
    ("suggestion", "VARCHAR"),
    ("suggestion_reasons", "VARCHAR[]"),
    ("suggestion_scores", "VARCHAR[]"),
    ("accept_probability", "DOUBLE"),
    ("doubt", "DOUBLE"),
    ("blame", "DOUBLE"),
    ("blame_reason", "VARCHAR"),
    *((name, "VARCHAR" if name == "duplicate_of" else "DOUBLE") for name in SCORE_NAMES),
    ("duplicate_group", "VARCHAR"),
    ("places", "VARCHAR"),
)
NAMES: tuple[str, ...] = tuple(name for name, _ in FIELDS)
LONGEST = 4000

_EXPRESSION_KINDS = "COLUMN_REF CONSTANT COMPARISON CONJUNCTION BETWEEN OPERATOR CASE CAST TYPE FUNCTION"
_OPERATOR_KINDS = """
OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_NULLIF COMPARE_IN COMPARE_NOT_IN
ARRAY_EXTRACT ARRAY_SLICE ARRAY_CONSTRUCTOR
"""
_FUNCTION_NAMES = """
+ - * / // % ** ^ || ~~ !~~ ~~* !~~* ~~~ ~ !~
abs ceil ceiling floor round trunc sign sqrt cbrt exp ln log log2 log10 pow power greatest least mod
isnan isinf isfinite
lower upper lcase ucase trim ltrim rtrim length len strlen substr substring left right contains prefix suffix
starts_with ends_with like_escape ilike_escape not_like_escape not_ilike_escape regexp_matches regexp_full_match
concat concat_ws replace strip_accents instr strpos position reverse parse_filename parse_dirname
levenshtein damerau_levenshtein jaccard jaro_similarity jaro_winkler_similarity
list_contains list_has array_contains array_has list_has_any list_has_all array_has_any array_has_all list_position
array_length list_value list_extract array_extract list_element coalesce ifnull nullif
"""
_TYPE_NAMES = "BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT FLOAT DOUBLE DECIMAL VARCHAR"
_EXPRESSIONS = frozenset(_EXPRESSION_KINDS.split())
_OPERATORS = frozenset(_OPERATOR_KINDS.split())
_TYPES = frozenset(_TYPE_NAMES.split())
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())


def where_query(expression: str) -> str:
    """The statement whose syntax tree is checked for `--where`.

    Without parentheses, though the filter runs in some: what is whole without them stays whole within them.
    """
    return f"SELECT 1 WHERE\n{expression}\n"


def sort_query(expression: str) -> str:
    """The statement whose syntax tree is checked for `--sort`."""
    return f"SELECT 1 ORDER BY\n{expression}\n"


def check_text(expression: str) -> None:
    """Refuse what no filter needs, before it is parsed."""
    if not expression.strip():
        raise BadRequest("The expression is empty.")
    if len(expression) > LONGEST:
        raise BadRequest(f"The expression is longer than {LONGEST} characters.")
    if "\x00" in expression:
        raise BadRequest("The expression holds a character that is no text.")


def check_where(tree: dict[str, Any], expression: str) -> None:
    """Refuse a `--where` whose tree is anything but one plain expression; BadRequest says why."""
    node = _only_select(tree, expression)
    if node["modifiers"] or node["where_clause"] is None:
        raise BadRequest(f"This is not a filter: {_quote(expression)}. Give one condition, such as: snr_db > 20")
    _check(node["where_clause"], expression)


def check_sort(tree: dict[str, Any], expression: str) -> None:
    """Refuse a `--sort` whose tree is anything but expressions with ASC or DESC; BadRequest says why."""
    node = _only_select(tree, expression)
    modifiers = node["modifiers"]
    if node["where_clause"] is not None or [each["type"] for each in modifiers] != ["ORDER_MODIFIER"]:
        raise BadRequest(f"This is not a sort order: {_quote(expression)}. Give names, such as: snr_db DESC, path")
    for order in modifiers[0]["orders"]:
        if order["expression"].get("class") == "CONSTANT":
            raise BadRequest(f"Sort by a name, not by a constant: {_quote(expression)}.")
        _check(order["expression"], expression)


def check_type(found: str, expression: str) -> None:
    """Refuse a filter that gives something other than true or false."""
    if found.upper() != "BOOLEAN":
        raise BadRequest(
            f"This is not a filter: {_quote(expression)} gives {found}, not true or false. Compare it with something,"
            " such as: snr_db > 20"
        )


def _only_select(tree: dict[str, Any], expression: str) -> dict[str, Any]:
    if tree.get("error"):
        reason = str(tree.get("error_message", "it cannot be read")).splitlines()[0]
        raise BadRequest(f"This expression cannot be read: {_quote(expression)} ({reason}).")
    statements: Sequence[dict[str, Any]] = tree["statements"]
    if len(statements) != 1:
        raise BadRequest(f"This is more than one expression: {_quote(expression)}.")
    node: dict[str, Any] = statements[0]["node"]
    plain = node.get("type") == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY"
    extras = [node.get(part) for part in ("group_expressions", "group_sets", "having", "sample", "qualify")]
    if not plain or any(extras) or node["cte_map"]["map"] or len(node["select_list"]) != 1:
        raise BadRequest(f"This is a query, not an expression: {_quote(expression)}.")
    return node


def _check(tree: Any, expression: str) -> None:
    """Walk the whole tree; every node that is an expression must be one of the harmless kinds."""
    pending = [tree]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending.extend(part)
        elif isinstance(part, dict):
            if "class" in part:
                _check_expression(part, expression)
            elif str(part.get("type", "")).endswith(("_NODE", "_TABLE", "_REF")) or part.get("type") == "SUBQUERY":
                raise BadRequest(f"A filter cannot hold a query: {_quote(expression)}.")
            pending.extend(value for key, value in part.items() if key not in ("literal", "value"))


def _check_expression(part: dict[str, Any], expression: str) -> None:
    kind = part["class"]
    if kind == "SUBQUERY":
        raise BadRequest(f"A filter cannot hold a query: {_quote(expression)}.")
    if kind not in _EXPRESSIONS:
        what = str(part.get("type", kind)).lower().replace("_", " ")
        raise BadRequest(f"A filter cannot hold a {what}: {_quote(expression)}.")
    if kind == "COLUMN_REF":
        _check_name(part["column_names"])
    elif kind == "FUNCTION":
        _check_function(part, expression)
    elif kind == "OPERATOR" and part["type"] not in _OPERATORS:
        raise BadRequest(f"A filter cannot use {part['type'].lower().replace('_', ' ')}: {_quote(expression)}.")
    elif kind in ("CAST", "TYPE"):
        name = _type_name(part)
        if name not in _TYPES:
            raise BadRequest(f"A filter cannot turn values into {name}: {_quote(expression)}.")


def _check_name(names: Sequence[str]) -> None:
    if len(names) != 1 or names[0].lower() not in NAMES:
        known = nearest(names[-1], NAMES, listed_by="curator clips --help")
        raise BadRequest(f"Unknown name {'.'.join(names)}{known}.")


def _check_function(part: dict[str, Any], expression: str) -> None:
    name = str(part["function_name"]).lower()
    if name not in FUNCTIONS or part.get("catalog") or part.get("schema") not in ("", "main", None):
        words = sorted(function for function in FUNCTIONS if function.isidentifier())
        raise BadRequest(f"A filter cannot use the function {name}{nearest(name, words)}.")
    orders = part.get("order_bys") or {}
    if part.get("filter") or part.get("distinct") or orders.get("orders"):
        raise BadRequest(f"A filter cannot use {name} as an aggregate: {_quote(expression)}.")


def _type_name(part: dict[str, Any]) -> str:
    """The type that a cast names: `cast_type` holds it in DuckDB 1.5, an expression of class TYPE in 2.0."""
    named = part if part["class"] == "TYPE" else part.get("cast_type") or part.get("type_expr") or {}
    return str(named.get("id") or named.get("type_name") or "another type").upper()


def _quote(expression: str) -> str:
    text = " ".join(expression.split())
    return text if len(text) <= 80 else text[:77] + "..."
