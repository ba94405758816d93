"""What a script's code says, wherever it lies: to tell whether two versions of it can do anything different.

A script is followed from its statements to every definition that it can reach, as Python would find it. Each
definition is written once, as its syntax tree without docstrings, comments and other bare constants; a name
that stands for another definition of the project is written as that definition's number. So a definition may
move to another module, and a module may be split or renamed, and the code stays the same; a changed constant,
default, decorator, annotation, name or order does not.

Modules are loaded in the order of Python, and the first import of each foreign one is written at its place.
A module that does something when it is loaded, besides binding names once, counts as a whole and in order.
So does one that can write its own name into an output (`TELLS_ITS_PLACE`), which must also stay where it is.
What can reach any code by a name made at run time (`REACHES_ALL`), or binds names in ways that are not
followed, is refused. Not looked at: other processes that code starts, and what ``repr`` or a hash says of a
class's module.
"""

import ast
import copy
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest

TELLS_ITS_PLACE = frozenset(
    {
        *("__name__", "__file__", "__module__", "__qualname__", "__path__", "__reduce__", "__reduce_ex__"),
        *("register_keras_serializable", "Lambda", "pickle", "joblib", "inspect"),
    }
)
"""Names in a module by which it may write where it, or a class of it, stands."""
REACHES_ALL = frozenset(
    {
        *("exec", "eval", "globals", "locals", "vars", "import_module", "runpy", "currentframe", "_getframe"),
        *("getsource", "getdoc", "to_pickle", "read_pickle", "model_json_schema", "sys.modules"),
        *("__import__", "__globals__", "__dict__", "__subclasses__", "__init_subclass__", "__set_name__"),
    }
)
"""Names by which code may reach, or read, what no name in it leads to."""
QUIET = frozenset(
    {
        *("str", "int", "float", "tuple", "list", "set", "frozenset", "dict", "range", "zip", "enumerate"),
        *("len", "sorted", "min", "max", "sum", "items", "keys", "values", "fromkeys", "join", "format"),
        *("replace", "compile", "array", "MappingProxyType", "Path", "PurePosixPath", "TypeVar"),
        *("dataclass", "field", "cache", "lru_cache", "contextmanager", "property", "staticmethod"),
        *("classmethod", "abstractmethod", "final", "overload", "runtime_checkable"),
        *("Field", "ConfigDict", "field_validator", "model_validator"),
    }
)
"""What may be called when a module is loaded without anybody noticing who does not use the result."""

_MAIN = ast.dump(ast.parse("__name__ == '__main__'", mode="eval").body)

_HELP = frozenset({"parser", "ArgumentParser"})
"""Whose arguments may show a docstring: that is for people."""

Target = tuple[str, str]
"""A module and a name of it, or "" for the module as a whole."""


class UnclearError(Exception):
    """Code of which it cannot be told what it reaches; the message says where and why."""


@dataclass
class Module:
    """A module, taken apart.

    Attributes
    ----------
    name : str
    imports : dict of str to Target
        What its imports bind.
    definitions : dict of str to list of ast.stmt
        The statements that bind each other name.
    body : list of ast.stmt
        All statements without words, in order.
    whole : bool
        Whether all of it counts, and not only what is reached.
    place : str
        What is written before each statement: the name of a module that can tell it.
    """

    name: str
    imports: dict[str, Target] = field(default_factory=dict)
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    body: list[ast.stmt] = field(default_factory=list)
    whole: bool = False
    place: str = ""


def module_name(path: str) -> str:
    """Give the dotted name of a file of Python, by its path from the root."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def take_apart(name: str, text: str) -> Module:
    """Parse a module.

    Raises
    ------
    UnclearError
        Where it is no Python, or cannot be followed.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UnclearError(f"{name}: no Python ({error})") from error
    _check_reach(name, tree)
    tells = _tells_its_place(tree)
    body = [it for it in _without_words(tree).body if not _is_for_types_alone(it)]
    module = Module(name, body=body, place=f"<{name}>" if tells else "")
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            module.imports |= _imported(name, statement)
        else:
            for bound in _names_bound(statement):
                module.definitions.setdefault(bound, []).append(statement)
    if both := sorted(module.imports.keys() & module.definitions.keys()):
        raise UnclearError(f"{name}: {both[0]} is imported and defined")
    again = any(len(it) > 1 for it in module.definitions.values())
    module.whole = tells or again or any(_acts(it, module.definitions) for it in body)
    if module.imports.get("annotations") == ("__future__", "annotations"):
        module.place += "<annotations>"
    return module


def _without_words(tree: ast.Module) -> ast.Module:
    """Take away docstrings and other statements that are a constant alone."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [
                it for it in body if not (isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant))
            ]
            node.body = kept or ([] if isinstance(node, ast.Module) else [ast.Pass()])  # type: ignore[attr-defined]
    return tree


def _check_reach(name: str, tree: ast.Module) -> None:
    """Refuse what may reach any code, what is bound in odd places, and a docstring that is more than help."""
    for node in ast.walk(tree):
        if (word := _identifier(node)) in REACHES_ALL:
            raise UnclearError(f"{name}: uses {word}, by which it may reach any code")
        if isinstance(node, ast.Global):
            raise UnclearError(f"{name}: a global that a function binds")
    nested = (it for it in tree.body if not isinstance(it, ast.Import | ast.ImportFrom))
    if any(_imports_when_loaded(it) for it in nested if not _is_for_types_alone(it)):
        raise UnclearError(f"{name}: an import inside another statement, but in no function")
    shown = [word for call in ast.walk(tree) if isinstance(call, ast.Call) for word in _help_in(call)]
    if sum(_identifier(it) == "__doc__" for it in ast.walk(tree)) > len(shown):
        raise UnclearError(f"{name}: reads a docstring, which is not compared")


def _imports_when_loaded(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return False
    return isinstance(node, ast.Import | ast.ImportFrom) or any(
        _imports_when_loaded(it) for it in ast.iter_child_nodes(node)
    )


def _help_in(call: ast.Call) -> list[ast.AST]:
    """List the arguments of a call that show a docstring as help."""
    if _called(call.func) not in _HELP:
        return []
    shown = [*call.args, *(it.value for it in call.keywords)]
    return [it for it in shown if _identifier(it) == "__doc__"]


def _tells_its_place(tree: ast.Module) -> bool:
    nodes = [node for statement in tree.body for node in ast.walk(statement) if not _is_main(statement)]
    of_keras = any(
        ast.unparse(base).startswith("keras.")
        for it in nodes
        if isinstance(it, ast.ClassDef)
        for base in it.bases
    )
    # The attribute is a class's or a function's name, wherever that stands.
    own = (it for it in nodes if not (isinstance(it, ast.Attribute) and it.attr == "__name__"))
    return of_keras or any(_identifier(it) in TELLS_ITS_PLACE for it in own)


def _identifier(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr="modules", value=ast.Name(id="sys")):
            return "sys.modules"
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.alias(name=word):
            return word
        case ast.FunctionDef(name=word):
            return word
        case ast.Constant(value=str(word)) if word.startswith("__"):
            # As of getattr.
            return word
    return ""


def _imported(module: str, statement: ast.Import | ast.ImportFrom) -> dict[str, Target]:
    """Tell what an import binds."""
    if isinstance(statement, ast.Import):
        names = [
            (it.asname, it.name) if it.asname else (it.name.partition(".")[0],) * 2 for it in statement.names
        ]
        return {bound: (name, "") for bound, name in names}
    if statement.level or any(it.name == "*" for it in statement.names):
        raise UnclearError(f"{module}: a relative or a star import")
    return {it.asname or it.name: (statement.module or "", it.name) for it in statement.names}


def _loaded(statement: ast.Import | ast.ImportFrom) -> list[Target]:
    """Tell what an import loads: modules, or names of a module that may be modules themselves."""
    if isinstance(statement, ast.Import):
        return [(it.name, "") for it in statement.names]
    return [(statement.module or "", it.name) for it in statement.names]


def _is_for_types_alone(statement: ast.stmt) -> bool:
    """Tell whether only type checkers read a statement."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    return ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _is_main(statement: ast.stmt) -> bool:
    """Tell whether a statement is what a module does if it is the script, and nothing else."""
    return isinstance(statement, ast.If) and not statement.orelse and ast.dump(statement.test) == _MAIN


def _names_bound(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
    stored = (it for it in ast.walk(statement) if isinstance(it, ast.Name))
    return [it.id for it in stored if isinstance(it.ctx, ast.Store)]


def _acts(statement: ast.stmt, own: Container[str]) -> bool:
    """Tell whether a statement may do more than bind names; `own` are the names that its module defines."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.AnnAssign(target=ast.Name(), value=None):
            return False
        case ast.FunctionDef(args=args, decorator_list=decorators):
            now: list[ast.AST | None] = [*decorators, *args.defaults, *args.kw_defaults]
        case ast.ClassDef(bases=bases, keywords=[], body=body, decorator_list=decorators):
            if any(_acts(it, own) for it in body):
                return True
            now = [*decorators, *bases]
        case ast.Assign(targets=targets, value=value) if all(isinstance(it, ast.Name) for it in targets):
            now = [value]
        case ast.AnnAssign(target=ast.Name(), value=value):
            now = [value]
        case _:
            return not _is_main(statement)
    nodes = [node for each in now if each is not None for node in ast.walk(each)]
    called = {_called(it.func) for it in nodes if isinstance(it, ast.Call)}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        called |= {_called(it) for it in statement.decorator_list if not isinstance(it, ast.Call)}
    return any(it not in QUIET or it in own for it in called)


def _called(function: ast.expr) -> str:
    """Give the last name of what is called."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


class Program:
    """A script and what it reaches.

    Parameters
    ----------
    script
        Its path.
    sources
        The text of every module of the project that belongs to it, the script among them, by path. What is
        imported from elsewhere counts by its name.

    Raises
    ------
    UnclearError
        Where it cannot be told what some code reaches.
    """

    def __init__(self, script: str, sources: Mapping[str, str]) -> None:
        texts = {module_name(path): text for path, text in sources.items()}
        self._modules = {name: take_apart(name, text) for name, text in texts.items()}
        self._numbers: dict[Target, int] = {}
        self._loaded: dict[str, None] = {}
        self.says: list[tuple[str, str]] = []
        """Each definition and action: its name, for people, and what it says."""
        script_name = module_name(script)
        self.load([(script_name, "")])
        body = self._modules[script_name].body
        self._write(
            self._modules[script_name], f"{script_name}: as a script", [it for it in body if _is_main(it)]
        )

    def load(self, targets: Iterable[Target]) -> None:
        """Do what an import does: load the modules that it names, the packages around them first."""
        for source, name in targets:
            dotted = f"{source}.{name}" if name else source
            parts = dotted.split(".")
            for each in (".".join(parts[: place + 1]) for place in range(len(parts))):
                if each in self._modules:
                    self._load(each)
            if not self.is_module((source, "")) and source not in self._loaded:
                self._loaded[source] = None
                self.says.append((f"the first import of {source}", source))

    def _load(self, name: str) -> None:
        if name in self._loaded:
            return
        self._loaded[name] = None
        module = self._modules[name]
        for statement in module.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self.load(_loaded(statement))
            elif module.whole and not _is_main(statement):
                bound = next(iter(_names_bound(statement)), "when it is loaded")
                self._write(module, f"{name}: {bound}", [statement])

    def _write(self, module: Module, label: str, statements: list[ast.stmt]) -> None:
        place = len(self.says)
        self.says.append((label, ""))
        text = " ".join(_Writer(self, module, it).text for it in statements)
        self.says[place] = (label, module.place + text)

    def reference(self, target: Target) -> str | None:
        """Give the number of a definition, or None for what is not the project's; reach it, if it is new."""
        found = self._find(target)
        if found is None:
            return None
        name, definition = found
        self._load(name)
        if found not in self._numbers:
            self._numbers[found] = len(self._numbers)
            module = self._modules[name]
            if not definition:
                # The module itself is handed about: all of it counts, and so does its place.
                self.says.append((name, name))
                inside = [(name, it) for it in module.definitions] + list(module.imports.values())
                for each in inside + [(it, "") for it in self._modules if it.startswith(f"{name}.")]:
                    self.reference(each)
            elif not module.whole:
                self._write(module, f"{name}: {definition}", module.definitions[definition])
        return f"#{self._numbers[found]}"

    def is_module(self, target: Target) -> bool:
        """Tell whether a name means a module of the project, or a package of such modules."""
        dotted = ".".join(filter(None, target))
        return any(it == dotted or it.startswith(f"{dotted}.") for it in self._modules)

    def _find(self, target: Target) -> Target | None:
        """Follow a name through the modules that hand it on, to where it is defined."""
        name, definition = target
        module = self._modules.get(name)
        if module is not None:
            if not definition or definition in module.definitions:
                return target
            if definition in module.imports:
                return self._find(module.imports[definition])
        if f"{name}.{definition}" in self._modules:
            return f"{name}.{definition}", ""
        if module is not None:
            raise UnclearError(f"{name}: has no {definition}, which is asked for")
        return None


class _Writer:
    """Writes a statement's syntax tree, with numbers for what it takes from elsewhere in the project.

    Parameters
    ----------
    program, module, statement
        Where it stands, and what is written.
    """

    def __init__(self, program: Program, module: Module, statement: ast.stmt) -> None:
        self._program, self._module = program, module
        self._imports = dict(module.imports)
        self._local = {
            value
            for node in ast.walk(statement)
            if node is not statement and not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
            for name, value in ast.iter_fields(node)
            if name in ("id", "arg", "name", "rest") and isinstance(value, str)
        }
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, target in _imported(module.name, node).items():
                    if name in module.definitions or self._imports.setdefault(name, target) != target:
                        raise UnclearError(f"{module.name}: {name} means two things")
        self._parts: list[str] = []
        self._write(statement)
        self.text = "".join(self._parts)

    def _write(self, value: object) -> None:
        match value:
            case ast.Import() | ast.ImportFrom():
                # What it binds is written where it is used.
                self._program.load(_loaded(value))
            case ast.Attribute() | ast.Name() if (name := self._name(value)) is not None:
                self._parts.append(name)
            case ast.AST():
                self._parts.append(f"{type(value).__name__}(")
                for name, each in ast.iter_fields(value):
                    self._parts.append(f"{name}=")
                    if name in ("annotation", "returns") and isinstance(each, ast.AST):
                        each = _Unquoted().visit(copy.deepcopy(each))
                    self._write(each)
                self._parts.append(")")
            case list():
                for each in value:
                    self._write(each)
                    self._parts.append(";")
            case _:
                self._parts.append(f"{value!r},")

    def _name(self, node: ast.Attribute | ast.Name) -> str | None:
        """Write a name with its attributes, where it leads out of the statement."""
        attributes: list[str] = []
        first: ast.expr = node
        while isinstance(first, ast.Attribute):
            attributes.insert(0, first.attr)
            first = first.value
        if not isinstance(first, ast.Name) or isinstance(first.ctx, ast.Store):
            return None
        defined = first.id in self._module.definitions
        target = (self._module.name, first.id) if defined else self._imports.get(first.id)
        if target is None:
            return None
        # A package or a module of the project: the attributes lead on to what is meant.
        while attributes and not attributes[0].startswith("__") and self._program.is_module(target):
            target = (".".join(filter(None, target)), attributes.pop(0))
        is_local = first.id in self._local
        try:
            meant = self._program.reference(target) or ".".join(filter(None, target))
        except UnclearError:
            if is_local:
                return None
            raise
        if is_local:
            # Perhaps a variable of the same name: it is written as it stands, too.
            self._parts.append(f"<{meant}>")
            return None
        if not meant.startswith("#") and self._program.is_module(target):
            raise UnclearError(f"{self._module.name}: hands the package {meant} about")
        return f"{type(node.ctx).__name__}({'.'.join([meant, *attributes])})"


class _Unquoted(ast.NodeTransformer):
    """Takes the quotes off what is quoted in an annotation."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        try:
            return ast.parse(node.value, mode="eval").body if isinstance(node.value, str) else node
        except SyntaxError:
            return node


def difference(before: Program, today: Program) -> str | None:
    """Name what two versions of a program say differently first, or None where they say the same."""
    for (_, old), (label, new) in zip_longest(before.says, today.says, fillvalue=("its end", "")):
        if old != new:
            return f"{label} differs"
    return None
