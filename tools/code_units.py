"""What definitions and statements say, without docstrings, comments and the names of local variables.

Each becomes a flat list of tokens. A token is text, or a `Reference` to something outside the definition,
or a `Load`, an import inside a function. What a reference means is left open here, for it depends on the
modules around (tools/code_equality.py).
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

Import = tuple[str, str]
"""A module and the name taken from it, or ``""`` where it is the module itself."""

FINGERPRINTS = frozenset({"_identity", "Network(code=", "replace(code="})
"""Functions and arguments in which ``__file__`` and modules may stand for their text.

They tell whether a checkpoint of an interrupted training is of the same code. If it is not, the training
begins anew, so no output depends on them.
"""
_PLACES = frozenset({"__name__", "__file__", "__spec__", "__package__", "__loader__", "__path__"})
"""Names that a module has without binding them."""
_HELP = frozenset({"parser", "ArgumentParser"})
"""Functions whose argument ``__doc__`` is shown to users alone."""
_NAMING = frozenset(
    {
        *("__module__", "__qualname__", "__reduce__", "__reduce_ex__", "__getstate__", "__class_getitem__"),
        *("register_keras_serializable", "to_pickle", "read_pickle", "__file__", "__code__", "__globals__"),
    }
)
"""Attributes through which an object tells its name, its module or its place."""
_NEVER = frozenset(
    {
        *(
            "__doc__",
            "__subclasses__",
            "__import__",
            "__init_subclass__",
            "__set_name__",
            "f_locals",
            "f_back",
        ),
        *("model_json_schema", "json_schema", "openapi", "__annotations__", "__mro__", "__source__"),
    }
)
"""Attributes and methods through which code reaches, or reads, what no name in it leads to."""


@dataclass(frozen=True)
class Reference:
    """A name from outside a definition, with the attributes that follow it.

    Attributes
    ----------
    module : str
        Where it stands.
    name : str
        A global name of that module, or "" where `imported` says what is meant.
    imported : tuple of str or None
        What an import inside a function bound.
    attributes : tuple of str
    stored : bool
        Whether it is assigned to, or deleted.
    called : bool
        Whether it is called on the spot.
    fingerprint : bool
        Whether it stands in one of `FINGERPRINTS`.
    """

    module: str
    name: str
    imported: Import | None = None
    attributes: tuple[str, ...] = ()
    stored: bool = False
    called: bool = False
    fingerprint: bool = False


@dataclass(frozen=True)
class Load:
    """Imports inside a function: what they load, they load when they are reached."""

    imports: tuple[Import, ...]


Token = str | Reference | Load


@dataclass
class Unit:
    """A definition, or a statement at the top of a module.

    Attributes
    ----------
    module, name : str
        Where it stands, and the name that it binds; "" where it binds none or several.
    kind : {"function", "class", "value", "statement"}
    node : ast.stmt
    tokens : list of Token
    lines : list of int
        Of each token.
    naming, never : set of str
        What in it may tell a module's name or place, and what may reach any code.
    says : str
        What a class's ``__module__`` is.
    reads_source : bool
        Whether it knows its own file, and not only the folder of it.
    passed : list of tuple of Reference
        What it calls by name (None where it calls something else), with the names that it hands over.
    """

    module: str
    name: str
    kind: str
    node: ast.stmt
    tokens: list[Token] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    naming: set[str] = field(default_factory=set)
    never: set[str] = field(default_factory=set)
    says: str = ""
    reads_source: bool = False
    passed: list[tuple[Reference | None, ...]] = field(default_factory=list)


@dataclass
class Module:
    """A module's text, taken apart.

    Attributes
    ----------
    name, path : str
    source : str
    body : list of ast.stmt
        Its statements without docstrings and other bare constants.
    docstring : str or None
    imports : dict of str to Import
        What its own imports bind, if nothing else binds the same name.
    bound : dict of str to list of ast.stmt
        The statements at its top that bind each other name, or change it.
    """

    name: str
    path: str
    source: str
    body: list[ast.stmt]
    docstring: str | None
    imports: dict[str, Import]
    bound: dict[str, list[ast.stmt]]

    @property
    def is_package(self) -> bool:
        """Whether it is a folder's ``__init__``."""
        return self.path.endswith("__init__.py")

    def unit(self, statement: ast.stmt, name: str = "") -> Unit:
        """Say what a statement of its body says, as the one that binds `name`."""
        key = (id(statement), name)
        if key not in self._units:
            self._units[key] = _Writer(self).write(statement, name)
        return self._units[key]

    def __post_init__(self) -> None:
        self._units: dict[tuple[int, str], Unit] = {}


def module_name(path: str) -> str:
    """Give a file's name as a module: ``ser/data/__init__.py`` is ``ser.data``."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@lru_cache(maxsize=4096)
def read_module(path: str, source: str) -> Module:
    """Take a module apart.

    Parameters
    ----------
    path
        Of its file, relative to the project.
    source
        Its text.

    Raises
    ------
    SyntaxError
        Where it is no Python.
    """
    tree = ast.parse(source)
    name = module_name(path)
    module = Module(name, path, source, _said(tree.body), ast.get_docstring(tree, clean=False), {}, {})
    seen: dict[str, set[Import]] = {}
    for statement in module.body:
        if isinstance(statement, ast.Import | ast.ImportFrom) or is_type_checking(statement):
            inner = statement.body if isinstance(statement, ast.If) else [statement]
            for it in inner:
                for bound, target in imports_of(it, module):
                    seen.setdefault(bound, set()).add(target)
        elif not is_main_guard(statement):
            for bound in _names_bound([statement]):
                module.bound.setdefault(bound, []).append(statement)
    # A function that says `global x` binds x, too.
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for bound in node.names:
                module.bound.setdefault(bound, []).append(node)
    for bound, targets in seen.items():
        if len(targets) == 1 and bound not in module.bound:
            module.imports[bound] = next(iter(targets))
        else:
            imports = [it for it in module.body if isinstance(it, ast.Import | ast.ImportFrom)]
            module.bound.setdefault(bound, []).extend(imports)
    return module


def imports_of(statement: ast.AST, module: Module) -> Iterator[tuple[str, Import]]:
    """List what an import binds, and to what; a star binds ``*``."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname:
                yield alias.asname, (alias.name, "")
            else:
                yield alias.name.partition(".")[0], (alias.name.partition(".")[0], "")
    elif isinstance(statement, ast.ImportFrom):
        origin = _absolute(statement, module)
        for alias in statement.names:
            yield alias.asname or alias.name, (origin, alias.name)


def loads_of(statement: ast.AST, module: Module) -> Iterator[Import]:
    """List what an import loads: with ``import a.b`` that is ``a.b``, though it binds ``a``."""
    if isinstance(statement, ast.Import):
        yield from ((alias.name, "") for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        yield from ((_absolute(statement, module), alias.name) for alias in statement.names)


def _absolute(statement: ast.ImportFrom, module: Module) -> str:
    if not statement.level:
        return statement.module or ""
    package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    base = package[: len(package) - statement.level + 1]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def is_main_guard(statement: ast.stmt) -> bool:
    """Tell ``if __name__ == "__main__":`` without an else."""
    return (
        isinstance(statement, ast.If)
        and not statement.orelse
        and ast.dump(statement.test) == ast.dump(ast.parse('__name__ == "__main__"', mode="eval").body)
    )


def is_type_checking(statement: ast.stmt) -> bool:
    """Tell ``if TYPE_CHECKING:``, which never runs, where it holds imports alone."""
    return (
        isinstance(statement, ast.If)
        and not statement.orelse
        and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        and all(isinstance(it, ast.Import | ast.ImportFrom) for it in statement.body)
    )


def _said(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Leave out docstrings, other bare constants, and ``pass``: they do nothing."""
    return [
        it
        for it in body
        if not isinstance(it, ast.Pass)
        and not (isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant))
    ]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _names_bound(nodes: Iterable[ast.AST], *, inside_comprehension: bool = False) -> Iterator[str]:
    """List the names that nodes bind in their own scope, imports among them."""
    for node in nodes:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node.name
            outer = [*node.decorator_list]
            if isinstance(node, ast.ClassDef):
                outer += [*node.bases, *(it.value for it in node.keywords)]
            else:
                outer += [*node.args.defaults, *(it for it in node.args.kw_defaults if it)]
            yield from _names_bound(outer)
        elif isinstance(node, ast.Lambda):
            yield from _names_bound([*node.args.defaults, *(it for it in node.args.kw_defaults if it)])
        elif isinstance(node, _COMPREHENSIONS):
            yield from _names_bound(ast.iter_child_nodes(node), inside_comprehension=True)
        elif isinstance(node, ast.NamedExpr):
            yield node.target.id
            yield from _names_bound([node.value], inside_comprehension=inside_comprehension)
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load) and not inside_comprehension:
                yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name.partition(".")[0])
        else:
            named = getattr(node, "name", None) or getattr(node, "rest", None)
            if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping) and named:
                yield named
            yield from _names_bound(ast.iter_child_nodes(node), inside_comprehension=inside_comprehension)


class _Scope:
    """The names of a function, a class or a comprehension."""

    def __init__(self, parent: "_Scope | None", *, of_class: bool = False) -> None:
        self.parent = parent
        self.of_class = of_class
        self.level: int = parent.level + 1 if parent else 0
        self.parameters: set[str] = set()
        self.bound: set[str] = set()
        self.outer: set[str] = set()
        self.globals: set[str] = set()
        self.imports: dict[str, Import] = {}
        self.kept: set[str] = set()
        self._places: dict[str, int] = {}

    def local(self, name: str) -> str:
        """Name a local variable by the order in which those of its function are met."""
        if self.of_class or name in self.parameters or name in self.kept:
            return f"{self.level}.{name}"
        return f"{self.level}:{self._places.setdefault(name, len(self._places))}"


class _Writer:
    """Writes one unit's tokens."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.line = 0
        self.fingerprint = 0
        self.folder_only = 0
        self.type_is_compared = False

    def write(self, statement: ast.stmt, name: str) -> Unit:
        kind = "statement"
        if isinstance(statement, _FUNCTIONS):
            kind = "function"
        elif isinstance(statement, ast.ClassDef):
            kind = "class"
        elif name:
            kind = "value"
        self.unit = Unit(self.module.name, name, kind, statement)
        if kind == "value":
            self.value(statement, name)
        elif is_main_guard(statement):
            assert isinstance(statement, ast.If)
            self.statements(statement.body, None)
        else:
            self.statements([statement], None)
        return self.unit

    def say(self, token: Token) -> None:
        self.unit.tokens.append(token)
        self.unit.lines.append(self.line)

    def value(self, statement: ast.stmt, name: str) -> None:
        """Say an assignment at the top of a module, as what it makes of one name."""
        assert isinstance(statement, ast.Assign | ast.AnnAssign)
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        self.line = statement.lineno
        self.say("value")
        for target in targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    other = Reference(self.module.name, node.id, stored=True)
                    self.say("this" if node.id == name else other)
                elif not isinstance(node, ast.expr_context):
                    self.say(type(node).__name__)
        self.node(statement.value, None)

    def statements(self, body: Sequence[ast.stmt], scope: _Scope | None) -> None:
        body = _said(body)
        loads: list[Import] = []
        self.say("{")
        for statement in body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                # What follows one another loads the same in any order.
                loads += loads_of(statement, self.module)
                self.line = statement.lineno
                self.rebound(statement, scope)
                continue
            if loads:
                self.say(Load(tuple(loads)))
                loads = []
            self.node(statement, scope)
        if loads:
            self.say(Load(tuple(loads)))
        self.say("}")

    def rebound(self, statement: ast.Import | ast.ImportFrom, scope: _Scope | None) -> None:
        """Say what an import binds, where its names are not resolved wherever they stand."""
        for name, target in imports_of(statement, self.module):
            if scope is None or scope.of_class or name not in scope.imports:
                self.bound_name(name, scope)
                self.say(Reference(self.module.name, "", target))

    def node(self, node: ast.AST | None, scope: _Scope | None) -> None:
        if node is None:
            self.say("-")
            return
        self.line = getattr(node, "lineno", self.line)
        writer = getattr(self, f"_{type(node).__name__}", None)
        if writer is not None:
            writer(node, scope)
            return
        self.say(type(node).__name__)
        for name, value in ast.iter_fields(node):
            if name in ("ctx", "type_comment", "kind", "type_ignores"):
                continue
            self.part(value, scope)

    def part(self, value: object, scope: _Scope | None) -> None:
        if isinstance(value, list):
            if value and all(isinstance(it, ast.stmt) for it in value):
                self.statements(value, scope)
                return
            self.say(f"[{len(value)}")
            for it in value:
                self.part(it, scope)
        elif isinstance(value, ast.AST) or value is None:
            self.node(value, scope)
        else:
            self.say(f"{type(value).__name__} {value!r}")

    def _FormattedValue(self, node: ast.FormattedValue, scope: _Scope | None) -> None:
        self.say("FormattedValue")
        handed = self.argument(node.value, scope, to_help=False)
        if handed:
            self.unit.passed.append((Reference(self.module.name, "str"), *handed))
        self.say(str(node.conversion))
        self.node(node.format_spec, scope)

    def _Constant(self, node: ast.Constant, scope: _Scope | None) -> None:
        if isinstance(node.value, str) and node.value.endswith(".py"):
            self.unit.never.add(f"the name of a file of code, {node.value}")
        self.say(f"{type(node.value).__name__} {node.value!r}")

    def _Name(self, node: ast.Name, scope: _Scope | None) -> None:
        self.name(node.id, scope, stored=not isinstance(node.ctx, ast.Load))

    def _Attribute(self, node: ast.Attribute, scope: _Scope | None, *, called: bool = False) -> None:
        if node.attr in _NAMING and not self.fingerprint:
            self.unit.naming.add(node.attr)
        if node.attr in _NEVER:
            self.unit.never.add(node.attr)
        if isinstance(node.ctx, ast.Load):
            attributes: list[str] = []
            base: ast.expr = node
            while isinstance(base, ast.Attribute):
                attributes.insert(0, base.attr)
                base = base.value
            if isinstance(base, ast.Name) and self.local_in(base.id, scope) is None:
                for it in attributes:
                    if it in _NAMING and not self.fingerprint:
                        self.unit.naming.add(it)
                self.name(base.id, scope, attributes=tuple(attributes), called=called)
                return
        self.say("Attribute")
        if not isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
            self.name(node.value.id, scope, stored=self.local_in(node.value.id, scope) is None)
            self.say(f"= {node.attr}")
            return
        self.type_is_compared = node.attr == "__name__"
        self.folder_only += node.attr in ("parent", "parents")
        self.node(node.value, scope)
        self.folder_only -= node.attr in ("parent", "parents")
        self.say(node.attr if isinstance(node.ctx, ast.Load) else f"= {node.attr}")

    def name(
        self,
        name: str,
        scope: _Scope | None,
        *,
        attributes: tuple[str, ...] = (),
        stored: bool = False,
        called: bool = False,
    ) -> None:
        """Say a name: which local variable it is, or what global name."""
        local = self.local_in(name, scope)
        if local is not None:
            self.say(f"= {local}" if stored else local)
            assert not attributes
            if not (scope is not None and scope.of_class and name in scope.bound and not stored):
                return
            # In a class, a name that is not yet bound is looked for outside.
            scope = scope.parent
        self.say(self.reference(name, scope, attributes=attributes, stored=stored, called=called))

    def reference(
        self,
        name: str,
        scope: _Scope | None,
        *,
        attributes: tuple[str, ...] = (),
        stored: bool = False,
        called: bool = False,
    ) -> Token:
        imported = None
        while scope is not None and name not in scope.globals:
            if name in scope.imports and not scope.of_class:
                imported = scope.imports[name]
                break
            scope = scope.parent
        known = imported or name in self.module.imports or name in self.module.bound
        if not known:
            if name == "__doc__":
                return f"__doc__ {self.module.docstring!r}"
            if name in _PLACES and not self.fingerprint:
                self.unit.naming.add(name)
                self.unit.reads_source |= name != "__name__" and not self.folder_only
        return Reference(
            self.module.name,
            "" if imported else name,
            imported,
            attributes,
            stored,
            called,
            fingerprint=self.fingerprint > 0,
        )

    def local_in(self, name: str, scope: _Scope | None) -> str | None:
        first = True
        while scope is not None:
            if name in scope.globals:
                return None
            if name in scope.bound and name not in scope.outer and (first or not scope.of_class):
                return None if name in scope.imports else scope.local(name)
            first = False
            scope = scope.parent
        return None

    def _Call(self, node: ast.Call, scope: _Scope | None) -> None:
        self.say("Call")
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("locals", "vars", "dir") and not node.args and not node.keywords:
            self.unit.never.add(f"{called}()")
        if called == "type" and isinstance(node.func, ast.Name) and not self.type_is_compared:
            # Its text holds the class's module.
            self.unit.never.add("type() as a value")
        self.folder_only += called == "dirname"
        self.type_is_compared = True
        before = len(self.unit.tokens)
        if isinstance(node.func, ast.Attribute):
            self.line = node.func.lineno
            self._Attribute(node.func, scope, called=True)
        elif isinstance(node.func, ast.Name) and self.local_in(node.func.id, scope) is None:
            self.name(node.func.id, scope, called=True)
        else:
            self.node(node.func, scope)
        self.type_is_compared = False
        function = self.unit.tokens[before]
        handed: list[Reference] = []
        self.say(f"[{len(node.args)}")
        for argument in node.args:
            handed += self.argument(argument, scope, to_help=called in _HELP)
        # As they are evaluated in this order, so they are compared.
        self.say(f"[{len(node.keywords)}")
        for keyword in node.keywords:
            self.say(f"{keyword.arg}=")
            told = f"{called}({keyword.arg}=" in FINGERPRINTS
            self.fingerprint += told
            handed += self.argument(keyword.value, scope, to_help=called in _HELP)
            self.fingerprint -= told
        self.folder_only -= called == "dirname"
        if handed:
            self.unit.passed.append((function if isinstance(function, Reference) else None, *handed))

    def _Compare(self, node: ast.Compare, scope: _Scope | None) -> None:
        self.say("Compare")
        for it in (node.left, *node.ops, *node.comparators):
            self.type_is_compared = True
            self.node(it, scope)
        self.type_is_compared = False

    def argument(self, node: ast.expr, scope: _Scope | None, *, to_help: bool) -> list[Reference]:
        if to_help and isinstance(node, ast.Name) and node.id == "__doc__":
            self.say("help")
            return []
        before = len(self.unit.tokens)
        self.node(node, scope)
        if isinstance(node, ast.Name | ast.Attribute):
            return [it for it in self.unit.tokens[before:] if isinstance(it, Reference)]
        return []

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope | None) -> None:
        self.say(type(node).__name__)
        for decorator in node.decorator_list:
            self.say("@")
            self.node(decorator, scope)
        self.line = node.lineno
        if node.name in _NAMING:
            self.unit.naming.add(node.name)
        if node.name in _NEVER:
            self.unit.never.add(node.name)
        # The name of a definition at the top is compared apart, where a move may say another.
        if scope is not None:
            self.say(f"def {node.name}")
            self.bound_name(node.name, scope)
        self.part(getattr(node, "type_params", []), scope)
        self.function(node.args, node.body, scope, node.returns, fingerprint=node.name in FINGERPRINTS)

    _AsyncFunctionDef = _FunctionDef

    def _Lambda(self, node: ast.Lambda, scope: _Scope | None) -> None:
        self.say("Lambda")
        self.function(node.args, [ast.copy_location(ast.Return(node.body), node)], scope, None)

    def bound_name(self, name: str, scope: _Scope | None) -> None:
        local = self.local_in(name, scope)
        self.say(f"= {local}" if local is not None else self.reference(name, scope, stored=True))

    def function(
        self,
        arguments: ast.arguments,
        body: Sequence[ast.stmt],
        scope: _Scope | None,
        returns: ast.expr | None,
        *,
        fingerprint: bool = False,
    ) -> None:
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        starred = [it for it in (arguments.vararg, arguments.kwarg) if it is not None]
        self.say(f"{len(arguments.posonlyargs)} {len(arguments.args)} {len(arguments.kwonlyargs)}")
        self.say(f"{arguments.vararg is not None} {arguments.kwarg is not None}")
        for it in (*arguments.defaults, *arguments.kw_defaults):
            self.node(it, scope)
        for argument in (*every, *starred):
            self.node(argument.annotation, scope)
        self.node(returns, scope)
        inner = _Scope(scope)
        inner.parameters = {it.arg for it in (*every, *starred)}
        inner.bound = inner.parameters | set(_names_bound(body))
        self.declare(inner, body)
        for argument in (*every, *starred):
            self.say(inner.local(argument.arg))
        self.fingerprint += fingerprint
        self.statements(body, inner)
        self.fingerprint -= fingerprint

    def declare(self, scope: _Scope, body: Sequence[ast.stmt]) -> None:
        """Find what a function declares global or nonlocal, and what its imports alone bind."""
        bound_by: dict[str, set[Import] | None] = {}
        for node in own_nodes(body):
            if isinstance(node, ast.Global):
                scope.globals |= set(node.names)
            elif isinstance(node, ast.Nonlocal):
                scope.outer |= set(node.names)
            elif isinstance(node, ast.Import | ast.ImportFrom) and not scope.of_class:
                for name, target in imports_of(node, self.module):
                    targets = bound_by.setdefault(name, set())
                    if targets is not None:
                        targets.add(target)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "@" in node.value:
                # pandas' `query` looks up local variables by name.
                scope.kept |= scope.bound
            else:
                bound_by.update(dict.fromkeys(_directly_bound(node)))
        for name, targets in bound_by.items():
            if targets and len(targets) == 1 and name not in scope.parameters:
                scope.imports[name] = next(iter(targets))

    def _ClassDef(self, node: ast.ClassDef, scope: _Scope | None) -> None:
        self.say("class")
        self.say(node.name)
        for decorator in node.decorator_list:
            self.say("@")
            self.node(decorator, scope)
        if scope is not None:
            self.bound_name(node.name, scope)
        self.part(getattr(node, "type_params", []), scope)
        self.say(f"[{len(node.bases)}")
        for base in node.bases:
            self.node(base, scope)
        for keyword in node.keywords:
            self.say(f"{keyword.arg}=")
            self.node(keyword.value, scope)
        inner = _Scope(scope, of_class=True)
        inner.bound = set(_names_bound(node.body))
        self.declare(inner, node.body)
        body = node.body
        if scope is None:
            self.unit.says = self.module.name
            for statement in node.body:
                if (name := _says_module(statement)) is not None:
                    # Compared as what it is: the name under which Keras, pickle and others know the class.
                    self.unit.says = name
                    body = [it for it in node.body if it is not statement]
        self.statements(body, inner)

    def _AnnAssign(self, node: ast.AnnAssign, scope: _Scope | None) -> None:
        if scope is not None and not scope.of_class:
            # Never evaluated in a function, so a comment as far as what it does goes.
            if node.value is not None:
                self.say("Assign")
                self.say("[1")
                self.node(node.target, scope)
                self.node(node.value, scope)
            elif not isinstance(node.target, ast.Name):
                self.node(node.target, scope)
            return
        self.say("AnnAssign")
        for it in (node.target, node.annotation, node.value):
            self.node(it, scope)

    def _Assign(self, node: ast.Assign, scope: _Scope | None) -> None:
        self.say("Assign")
        self.say(f"[{len(node.targets)}")
        for it in (*node.targets, node.value):
            self.node(it, scope)

    def _Global(self, node: ast.Global, scope: _Scope | None) -> None:
        """Its effect is on what the names mean."""

    _Nonlocal = _Global

    def _ExceptHandler(self, node: ast.ExceptHandler, scope: _Scope | None) -> None:
        self.say("except")
        self.node(node.type, scope)
        if node.name:
            self.bound_name(node.name, scope)
        self.statements(node.body, scope)

    def _MatchAs(self, node: ast.MatchAs, scope: _Scope | None) -> None:
        self.say("MatchAs")
        self.node(node.pattern, scope)
        if node.name:
            self.bound_name(node.name, scope)

    def _MatchStar(self, node: ast.MatchStar, scope: _Scope | None) -> None:
        self.say("MatchStar")
        if node.name:
            self.bound_name(node.name, scope)

    def _MatchMapping(self, node: ast.MatchMapping, scope: _Scope | None) -> None:
        self.say("MatchMapping")
        self.part(node.keys, scope)
        self.part(node.patterns, scope)
        if node.rest:
            self.bound_name(node.rest, scope)

    def comprehension(self, node: ast.AST, parts: Sequence[ast.expr], scope: _Scope | None) -> None:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        self.say(type(node).__name__)
        self.say(f"[{len(generators)}")
        self.node(generators[0].iter, scope)
        inner = _Scope(scope)
        inner.bound = {
            it.id
            for generator in generators
            for it in ast.walk(generator.target)
            if isinstance(it, ast.Name) and not isinstance(it.ctx, ast.Load)
        }
        for place, generator in enumerate(generators):
            if place:
                self.node(generator.iter, inner)
            self.say(f"async {generator.is_async}")
            self.node(generator.target, inner)
            self.part(generator.ifs, inner)
        for part in parts:
            self.node(part, inner)

    def _ListComp(self, node: ast.ListComp, scope: _Scope | None) -> None:
        self.comprehension(node, [node.elt], scope)

    def _SetComp(self, node: ast.SetComp, scope: _Scope | None) -> None:
        self.comprehension(node, [node.elt], scope)

    def _GeneratorExp(self, node: ast.GeneratorExp, scope: _Scope | None) -> None:
        self.comprehension(node, [node.elt], scope)

    def _DictComp(self, node: ast.DictComp, scope: _Scope | None) -> None:
        self.comprehension(node, [node.key, node.value], scope)


def _says_module(statement: ast.stmt) -> str | None:
    """Tell what a statement of a class's body, ``__module__ = "..."``, says, or None for any other."""
    if (
        isinstance(statement, ast.Assign)
        and [it.id for it in statement.targets if isinstance(it, ast.Name)] == ["__module__"]
        and len(statement.targets) == 1
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    ):
        return statement.value.value
    return None


def own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk a function's nodes, but not into functions and classes inside it."""
    for node in body:
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield from own_nodes(ast.iter_child_nodes(node))


def _directly_bound(node: ast.AST) -> Iterator[str]:
    """List the names that a node binds by itself, without those that its children bind, nor by an import."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        yield from [node.name] if node.name else []
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
