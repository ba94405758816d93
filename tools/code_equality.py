"""Whether a program computes the same as another one, as far as its code tells: for tools/relock.py.

A program is a module that is run, with the modules that it imports. Two are equal where loading them does the
same in the same order, and where everything that is reached from there is equal: a definition by its syntax
tree without docstrings, comments and names of local variables, each name that it takes from elsewhere by what
it stands for. So a definition may move to another module, a module may be renamed, split or merged, and an
import may take another form.

What is not proved counts as different. Above all:

- a function or class keeps its name, since a name can be written into an output; only a map of moves may
  rename a function, and whoever writes that map vouches that its name is in no output;
- statements at the top of a module that do something keep their order, and so do assignments that may
  depend on them; the order of imports may change, but not which packages are loaded before such a statement;
- what can write its module's name or place into an output (`register_keras_serializable`, ``__module__``,
  ``__file__``, pickle and so on) must stay in its module, and all of that module must be equal; but a class
  for Keras may move if ``__module__ = "its.former.module"`` in its body keeps its name;
- what may read any code or docstring (inspect, ``__doc__``, traceback and so on) is never proved.

Third-party packages are taken to be the same.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tools.code_units import (
    Import,
    Load,
    Module,
    Reference,
    Token,
    Unit,
    is_main_guard,
    is_type_checking,
    loads_of,
    module_name,
    own_nodes,
    read_module,
)

_WRITES_NAMES = (
    *("pickle", "cloudpickle", "dill", "marshal", "shelve", "copyreg", "joblib.dump", "joblib.Memory"),
    *("joblib.hash", "joblib.load", "skops", "torch.save", "torch.load", "inspect", "logging.getLogger"),
    *("keras.saving", "keras.utils.register_keras_serializable", "builtins.eval", "builtins.exec"),
    *("builtins.globals", "builtins.compile", "tensorflow.keras.utils.register_keras_serializable"),
)
_HIDES_NAMES = (
    *("importlib.import_module", "importlib.reload", "importlib.util", "runpy", "builtins.__import__"),
    *("sys.modules", "sys._getframe", "gc", "pkgutil", "inspect.getsource", "inspect.getsourcefile"),
    *("inspect.getdoc", "inspect.currentframe", "inspect.stack", "linecache", "typing.get_type_hints"),
    *("traceback", "faulthandler", "ast", "tokenize", "dis"),
)
_NETWORKS = ("keras", "tensorflow", "torch")
"""Packages that write names of classes and functions into what they save."""
_REGISTERS = (
    *("keras.saving.register_keras_serializable", "keras.utils.register_keras_serializable"),
    *("tensorflow.keras.utils.register_keras_serializable", "register_keras_serializable"),
)
_A_CLASS = "a class of "
_OF_ANY = (
    *(
        "pickle",
        "cloudpickle",
        "dill",
        "marshal",
        "shelve",
        "copyreg",
        "joblib",
        "skops",
        "torch",
        "__module__",
    ),
    *("__reduce__", "__reduce_ex__", "__getstate__", "to_pickle", "__globals__", "inspect"),
)
"""What may write the module's name of any class or function, not only of those beside it."""
_TEXTS = ("builtins.str", "builtins.repr", "builtins.print", "builtins.format", "builtins.ascii")
_HARMLESS = ("importlib.util.find_spec", "importlib.metadata")
_BUILTIN_CALLS = frozenset(
    {
        *("abs", "bool", "bytes", "complex", "dict", "divmod", "enumerate", "float", "frozenset", "int"),
        *(
            "len",
            "list",
            "max",
            "min",
            "range",
            "repr",
            "reversed",
            "round",
            "set",
            "slice",
            "sorted",
            "str",
            "sum",
        ),
        *("tuple", "zip", "Exception", "ValueError", "object"),
    }
)
_QUIET_CALLS = (
    *(
        "re.compile",
        "pathlib.Path",
        "pathlib.PurePath",
        "types.MappingProxyType",
        "typing",
        "math",
        "operator",
    ),
    *("itertools", "collections.namedtuple", "collections.OrderedDict", "collections.Counter", "fractions"),
    *("collections.defaultdict", "functools.partial", "dataclasses", "struct.Struct", "string.Template"),
    *(
        "threading.Lock",
        "threading.RLock",
        "threading.local",
        "decimal.Decimal",
        "datetime.timedelta",
        "datetime.date",
        "enum.auto",
        "pydantic.Field",
    ),
    *("pydantic.AfterValidator", "pydantic.BeforeValidator", "pydantic.ConfigDict", "numpy.array"),
    *("numpy.asarray", "numpy.dtype", "numpy.arange", "numpy.linspace", "numpy.float32", "numpy.float64"),
    *("numpy.int64", "numpy.int32", "numpy.log", "numpy.sqrt", "numpy.zeros", "numpy.ones", "pyarrow.string"),
    *("pyarrow.float64", "pyarrow.bool_", "pyarrow.int64", "pyarrow.schema", "pyarrow.field"),
)
_QUIET_DECORATORS = (
    *("dataclasses.dataclass", "functools", "typing", "contextlib", "abc", "builtins.property"),
    *("builtins.staticmethod", "builtins.classmethod", "pydantic"),
)
_QUIET_METHODS = frozenset(
    {
        *("index", "count", "items", "keys", "values", "get", "split", "rsplit", "splitlines", "join"),
        *("format", "lower", "upper", "strip", "lstrip", "rstrip", "title", "replace", "startswith"),
        *("endswith", "encode", "decode", "to_bytes", "union", "intersection", "difference", "partition"),
        *("rpartition", "removeprefix", "removesuffix", "with_suffix", "with_name", "joinpath", "copy"),
        *("astype", "reshape", "tolist", "group"),
    }
)
"""Of texts, numbers, paths, mappings and arrays, unless a class here has one of the same name."""


class UnclearError(Exception):
    """Something that cannot be judged by the text of the code; the message says what."""


@dataclass(frozen=True)
class Outside:
    """A thing of Python, of a package, or of a module whose code is not compared."""

    name: str


@dataclass(frozen=True)
class Whole:
    """A module itself, as a value."""

    module: str


@dataclass(frozen=True)
class Inside:
    """What a compared module binds to a name, and attributes of it."""

    module: str
    name: str
    attributes: tuple[str, ...] = ()


Target = Outside | Whole | Inside


class Program:
    """A module that is run, and all that it imports.

    Parameters
    ----------
    entry
        Its path, relative to the project.
    compared
        The text of the modules whose code is compared, by their paths.
    other
        Gives the text of another file of the project, or None where there is none. Of such a module the
        imports alone count; ``__init__`` of a package may hand names of compared modules on, and may do
        nothing else when it is loaded.
    moves
        New names of the others, by the old ones; empty for the newer program.
    also
        Other names under which code may import the compared modules.
    """

    def __init__(
        self,
        entry: str,
        compared: Mapping[str, str],
        *,
        other: Callable[[str], str | None],
        moves: Mapping[str, str] | None = None,
        also: Mapping[str, str] | None = None,
    ) -> None:
        self._also = dict(also or {})
        self.entry = module_name(entry)
        self.compared = {module_name(path): _read(path, text) for path, text in compared.items()}
        self.moves = moves or {}
        self._other = other
        self._others: dict[str, Module | None] = {}
        self.statements: list[tuple[Unit, frozenset[str]]] = []
        self.packages: set[str] = set()
        self.loaded: set[str] = set()
        self._ordered: set[int] = set()
        self._methods = {
            it.name
            for module in self.compared.values()
            for statement in module.body
            if isinstance(statement, ast.ClassDef)
            for it in statement.body
            if isinstance(it, ast.FunctionDef)
        }
        self._run()

    def module(self, name: str) -> Module | None:
        """Find a module of the project."""
        name = self._also.get(name, name) if name not in self.compared else name
        if name in self.compared:
            return self.compared[name]
        if name not in self._others:
            self._others[name] = None
            for path in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
                text = self._other(path)
                if text is not None:
                    self._others[name] = _read(path, text)
                    break
        return self._others[name]

    def resolve(self, reference: Reference) -> Target:
        """Say what a reference stands for."""
        if reference.imported is not None:
            return self._of_import(reference.imported, reference.attributes)
        module = self.module(reference.module)
        assert module is not None
        return self._global(module, reference.name, reference.attributes)

    def _global(self, module: Module, name: str, attributes: tuple[str, ...], depth: int = 0) -> Target:
        if name in module.bound:
            if module.name not in self.compared:
                return Outside(self._moved(".".join((module.name, name, *attributes))))
            return Inside(module.name, name, attributes)
        if name in module.imports:
            return self._of_import(module.imports[name], attributes, depth)
        if "*" in module.imports or "*" in module.bound:
            raise UnclearError(f"{module.path}: a star import hides what {name} is")
        return Outside(".".join(("builtins", name, *attributes)))

    def _of_import(self, imported: Import, attributes: tuple[str, ...], depth: int = 0) -> Target:
        if depth > 50:
            raise UnclearError(f"{imported[0]}: imports in a circle")
        origin, name = imported
        if name:
            return self._of_import((origin, ""), (name, *attributes), depth + 1)
        module = self.module(origin)
        origin = module.name if module is not None else origin
        if module is None and not self._is_folder(origin):
            return Outside(".".join((origin, *attributes)))
        if not attributes:
            return Whole(origin)
        first, rest = attributes[0], attributes[1:]
        if module is not None and (module.name in self.compared or module.is_package):
            if first in module.bound and module.name in self.compared:
                return Inside(module.name, first, rest)
            if first in module.imports:
                return self._of_import(module.imports[first], rest, depth + 1)
        if first not in (module.bound if module else ()) and self._is_there(f"{origin}.{first}"):
            return self._of_import((f"{origin}.{first}", ""), rest, depth + 1)
        if origin in self.compared:
            # Such as __file__ of a module.
            return Whole(origin) if rest == () and first == "__file__" else Inside(origin, first, rest)
        return Outside(self._moved(".".join((origin, *attributes))))

    def _is_there(self, name: str) -> bool:
        return self.module(name) is not None or self._is_folder(name)

    def _is_folder(self, name: str) -> bool:
        """Tell a package without an ``__init__``, by what is compared of it."""
        return any(it.startswith(f"{name}.") for it in (*self.compared, *self._also))

    def _moved(self, name: str) -> str:
        for old in sorted(self.moves, key=len, reverse=True):
            if name == old or name.startswith(f"{old}."):
                return self.moves[old] + name[len(old) :]
        return name

    def binding(self, target: Inside) -> tuple[Module, ast.stmt | None]:
        """Find the one statement that binds a name, or None where several do or where it does more."""
        module = self.compared[target.module]
        statements = module.bound.get(target.name, [])
        if len(statements) == 1 and id(statements[0]) not in self._ordered:
            (statement,) = statements
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                return module, statement
            if _is_plain(statement):
                return module, statement
        return module, None

    def lines(self, target: Inside) -> list[ast.stmt]:
        """Find all statements that bind a name."""
        return self.compared[target.module].bound.get(target.name, [])

    # What loading does

    def _run(self) -> None:
        if self.entry not in self.compared:
            raise UnclearError(f"{self.entry}: the module that is run is no dependency of the stage")
        self._order_all = False
        found = self._load_all()
        if self._may_change(found):
            # What a statement changes may be read by any other: all keep their order.
            self._order_all = True
            self._load_all()

    def _load_all(self) -> list[tuple[Unit, frozenset[str]]]:
        """Load the program, and then also what functions may load later; return what both do."""
        self.statements, self.packages, self.loaded = self._load(self.entry, set())
        later: list[tuple[Unit, frozenset[str]]] = []
        done = set(self.loaded)
        for name in sorted(self.compared):
            self._execute(name, done, later, set())
        return [*self.statements, *later]

    def loading(self, load: Load) -> tuple[list[tuple[Unit, frozenset[str]]], set[str]]:
        """Say what an import inside a function does when it is reached: statements and packages."""
        statements: list[tuple[Unit, frozenset[str]]] = []
        packages: set[str] = set()
        done = set(self.loaded)
        for imported in load.imports:
            for name in self._modules_of(imported):
                self._execute(name, done, statements, packages)
        return statements, packages

    def _load(
        self, entry: str, done: set[str]
    ) -> tuple[list[tuple[Unit, frozenset[str]]], set[str], set[str]]:
        statements: list[tuple[Unit, frozenset[str]]] = []
        packages: set[str] = set()
        self._execute(entry, done, statements, packages)
        return statements, packages, done

    def _modules_of(self, imported: Import) -> list[str]:
        origin, name = imported
        names = [origin]
        if name and self.module(f"{origin}.{name}") is not None:
            module = self.module(origin)
            if module is None or (name not in module.bound and name not in module.imports):
                names.append(f"{origin}.{name}")
        return names

    def _execute(
        self,
        name: str,
        done: set[str],
        statements: list[tuple[Unit, frozenset[str]]],
        packages: set[str],
    ) -> None:
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            part = ".".join(parts[:length])
            if part in done:
                continue
            module = self.module(part)
            part = module.name if module is not None else part
            if part in done:
                continue
            if module is None:
                if not self._is_folder(part):
                    top = parts[0]
                    if top not in sys.stdlib_module_names:
                        packages.add(top)
                    return
                continue
            done.add(part)
            for statement in module.body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    for imported in loads_of(statement, module):
                        for it in self._modules_of(imported):
                            self._execute(it, done, statements, packages)
                elif is_type_checking(statement):
                    continue
                elif is_main_guard(statement):
                    if part == self.entry:
                        statements.append((module.unit(statement), frozenset(packages)))
                elif (part in self.compared or module.is_package) and not self._is_quiet_statement(
                    module, statement
                ):
                    self._ordered.add(id(statement))
                    statements.append((module.unit(statement), frozenset(packages)))

    def _is_quiet_statement(self, module: Module, statement: ast.stmt) -> bool:
        """Tell whether a statement at the top does no more than to bind its names."""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            quiet = all(self._is_quiet(module, it) for it in _evaluated(statement))
            quiet &= all(self._is_quiet_decorator(module, it) for it in statement.decorator_list)
            if self._order_all:
                quiet &= all(map(_is_constant, _defaults(statement))) and not statement.decorator_list
        elif isinstance(statement, ast.ClassDef):
            quiet = self._is_quiet_class(module, statement) and not self._order_all
        elif _is_plain(statement):
            assert isinstance(statement, ast.Assign | ast.AnnAssign)
            names = list(_target_names(statement))
            quiet = all(len(module.bound.get(it, [])) == 1 for it in names)
            quiet &= self._is_quiet(module, statement.value)
            quiet &= not isinstance(statement, ast.AnnAssign) or self._is_quiet(module, statement.annotation)
            quiet &= not self._order_all or _is_constant(statement.value)
        else:
            return isinstance(statement, ast.AnnAssign) and statement.value is None
        return quiet and all(len(module.bound.get(it, [])) == 1 for it in _bound_by(statement))

    def _is_quiet_class(self, module: Module, node: ast.ClassDef) -> bool:
        if node.keywords or not all(self._is_quiet_decorator(module, it) for it in node.decorator_list):
            return False
        if any("__init_subclass__" in _methods(it) for it in self._classes_above(module, node)):
            return False
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                ok = all(self._is_quiet(module, it) for it in _evaluated(statement))
                ok &= all(self._is_quiet_decorator(module, it) for it in statement.decorator_list)
            elif isinstance(statement, ast.Assign):
                ok = all(isinstance(it, ast.Name) for it in statement.targets)
                ok &= self._is_quiet(module, statement.value)
            elif isinstance(statement, ast.AnnAssign):
                ok = isinstance(statement.target, ast.Name) and self._is_quiet(module, statement.annotation)
                ok &= statement.value is None or self._is_quiet(module, statement.value)
            else:
                ok = isinstance(statement, ast.Pass) or (
                    isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                )
            if not ok:
                return False
        return True

    def _classes_above(self, module: Module, node: ast.ClassDef, depth: int = 0) -> Iterator[ast.ClassDef]:
        yield node
        for base in node.bases:
            target = self._target_of(module, base)
            if isinstance(target, Inside) and depth < 20:
                origin, statement = self._statement(target)
                if isinstance(statement, ast.ClassDef):
                    yield from self._classes_above(origin, statement, depth + 1)

    def _statement(self, target: Inside) -> tuple[Module, ast.stmt | None]:
        module = self.compared[target.module]
        statements = module.bound.get(target.name, [])
        return module, statements[0] if len(statements) == 1 else None

    def _target_of(self, module: Module, node: ast.expr | None) -> Target | None:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        return self._global(module, node.id, tuple(attributes))

    def _is_quiet_decorator(self, module: Module, node: ast.expr) -> bool:
        if isinstance(node, ast.Call):
            parts = [*node.args, *(it.value for it in node.keywords)]
            if not all(self._is_quiet(module, it) for it in parts):
                return False
            node = node.func
        target = self._target_of(module, node)
        if isinstance(node, ast.Attribute) and node.attr in ("setter", "getter", "deleter"):
            return True
        return isinstance(target, Outside) and _is_one_of(target.name, _QUIET_DECORATORS)

    def _is_quiet(self, module: Module, node: ast.AST | None, depth: int = 0) -> bool:
        """Tell whether evaluating an expression changes nothing."""
        if node is None or isinstance(node, ast.Lambda):
            return True
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(node, ast.Call) and not self._is_quiet_call(module, node, depth):
            return False
        return all(self._is_quiet(module, it, depth) for it in ast.iter_child_nodes(node))

    def _is_quiet_call(
        self, module: Module, node: ast.Call, depth: int, local: frozenset[str] = frozenset()
    ) -> bool:
        base: ast.expr = node.func
        while isinstance(base, ast.Attribute):
            base = base.value
        of_local = isinstance(base, ast.Name) and base.id in local
        target = None if of_local else self._target_of(module, node.func)
        if isinstance(target, Outside):
            builtin = target.name.removeprefix("builtins.")
            return builtin in _BUILTIN_CALLS or _is_one_of(target.name, _QUIET_CALLS)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _QUIET_METHODS - self._methods:
            return True
        if not isinstance(target, Inside) or target.attributes or depth > 8:
            return False
        origin, statement = self._statement(target)
        if isinstance(statement, ast.ClassDef):
            makers = [
                it
                for above in self._classes_above(origin, statement)
                for it in above.body
                if isinstance(it, ast.FunctionDef) and it.name in ("__init__", "__post_init__", "__new__")
            ]
            outside = [self._target_of(origin, it) for it in statement.bases]
            known = all(
                isinstance(it, Inside)
                or (
                    isinstance(it, Outside)
                    and _is_one_of(it.name, ("typing", "pydantic.BaseModel", "builtins"))
                )
                for it in outside
            )
            return known and all(self._is_quiet_function(origin, it, depth) for it in makers)
        if isinstance(statement, ast.FunctionDef) and not statement.decorator_list:
            return self._is_quiet_function(origin, statement, depth)
        return False

    def _is_quiet_function(self, module: Module, function: ast.FunctionDef, depth: int) -> bool:
        """Tell whether a call changes no more than what the function itself has made."""
        parameters = {it.arg for it in ast.walk(function.args) if isinstance(it, ast.arg)}
        own = {
            it.id
            for it in ast.walk(function)
            if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store) and it.id not in parameters
        }
        nested = {
            it.name for it in ast.walk(function) if isinstance(it, ast.FunctionDef) and it is not function
        }
        calls_nested = any(
            isinstance(it, ast.Call) and isinstance(it.func, ast.Name) and it.func.id in nested
            for it in ast.walk(function)
        )
        local = frozenset(parameters | own | nested)
        # What a function returns may be called later, and is compared then.
        nodes = ast.walk(function) if calls_nested else own_nodes(function.body)
        for node in nodes:
            if isinstance(node, ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom | ast.Delete):
                return False
            if isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and node.decorator_list):
                return False
            if isinstance(node, ast.With | ast.AsyncWith | ast.Await | ast.Yield | ast.YieldFrom):
                return False
            if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
                base = node.value
                of_self = isinstance(base, ast.Name) and base.id == "self" and function.name != "__call__"
                if not of_self and not (isinstance(base, ast.Name) and base.id in own):
                    return False
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else None
                if called in nested:
                    continue
                if called in local or not self._is_quiet_call(module, node, depth + 1, local):
                    return False
        return True

    def _may_change(self, statements: list[tuple[Unit, frozenset[str]]]) -> bool:
        """Tell whether a statement that runs while modules are loaded may change a variable of one."""
        waiting = [it for it, _ in statements if not is_main_guard(it.node)]
        seen: set[tuple[str, str]] = set()
        while waiting:
            unit = waiting.pop()
            for token in unit.tokens:
                if not isinstance(token, Reference) or (token.fingerprint and unit.kind != "value"):
                    continue
                target = self.resolve(token)
                if not isinstance(target, Inside) or target.module not in self.compared:
                    continue
                module, statement = self._statement(target)
                if statement is None:
                    return True
                if (target.module, target.name) in seen:
                    continue
                seen.add((target.module, target.name))
                if statement is unit.node:
                    continue
                if _is_plain(statement):
                    assert isinstance(statement, ast.Assign | ast.AnnAssign)
                    if not _is_constant(statement.value):
                        return True
                else:
                    waiting.append(module.unit(statement, target.name))
        return False


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    return [*function.args.defaults, *(it for it in function.args.kw_defaults if it is not None)]


def _evaluated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """List what is evaluated where a function is defined, decorators apart."""
    arguments = (it for it in ast.walk(function.args) if isinstance(it, ast.arg))
    annotations = [*(it.annotation for it in arguments), function.returns]
    return [*_defaults(function), *(it for it in annotations if it is not None)]


def _read(path: str, text: str) -> Module:
    try:
        return read_module(path, text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise UnclearError(f"{path}: no Python ({error})") from error


def _is_one_of(name: str, names: tuple[str, ...]) -> bool:
    return any(name == it or name.startswith(f"{it}.") for it in names)


def _methods(node: ast.ClassDef) -> set[str]:
    return {it.name for it in node.body if isinstance(it, ast.FunctionDef)}


def _is_plain(statement: ast.stmt) -> bool:
    """Tell an assignment to names, without a star."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None and isinstance(statement.target, ast.Name)
    kinds = (ast.Name, ast.Tuple, ast.List, ast.expr_context)
    return isinstance(statement, ast.Assign) and all(
        isinstance(it, kinds) for target in statement.targets for it in ast.walk(target)
    )


def _target_names(statement: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for target in targets:
        yield from (it.id for it in ast.walk(target) if isinstance(it, ast.Name))


def _bound_by(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    return list(_target_names(statement)) if isinstance(statement, ast.Assign | ast.AnnAssign) else []


def _is_constant(node: ast.AST | None) -> bool:
    """Tell numbers, texts, and tuples of them: what nobody can change."""
    if isinstance(node, ast.Tuple):
        return all(_is_constant(it) for it in node.elts)
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left) and _is_constant(node.right)
    return isinstance(node, ast.Constant)


@dataclass
class Comparison:
    """Two programs, side by side.

    Attributes
    ----------
    old, new : Program
    renamed : Mapping of str to str
        New dotted names of functions, by the old ones.
    problems : list of str
        Why they are not proved equal, a line each; empty where they are.
    """

    old: Program
    new: Program
    renamed: Mapping[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._forth: dict[tuple[str, str], tuple[str, str]] = {}
        self._back: dict[tuple[str, str], tuple[str, str]] = {}
        self._waiting: list[tuple[tuple[str, str], tuple[str, str]]] = []
        self._loads: set[tuple[Load, Load]] = set()
        self._whole: set[str] = set()
        self._names_any: set[str] = set()
        self._shared: set[tuple[str, str]] = set()
        self._changed: set[tuple[str, str]] = set()
        self._compare()

    def _compare(self) -> None:
        self._same_packages(self.old.packages, self.new.packages, self._place(self.new.entry))
        self._same_statements(self.old.statements, self.new.statements, self._place(self.new.entry))
        while self._waiting:
            self._same_binding(*self._waiting.pop())
        for old, new in self._forth.items() if self._names_any else ():
            _, statement = self.new.binding(Inside(*new))
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            if isinstance(statement, kinds) and self._place(new[0]) != self._old_place(old[0]):
                why = ", ".join(sorted(self._names_any))
                self._differ(f"{self._place(new[0])}: moved, and {new[1]} may be named in an output ({why})")
        for module, name in sorted(self._shared & self._changed):
            self._differ(f"{self._place(module)}: {name} was, or becomes, two things, and is changed")
        self.problems = list(dict.fromkeys(self.problems))

    def _place(self, module: str) -> str:
        found = self.new.module(module)
        return found.path if found else module

    def _differ(self, problem: str) -> None:
        self.problems.append(problem)

    def _same_packages(self, old: set[str], new: set[str], place: str) -> None:
        for name in sorted(old ^ new):
            self._differ(f"{place}: {'no longer loads' if name in old else 'now loads'} the package {name}")

    def _same_statements(
        self,
        old: list[tuple[Unit, frozenset[str]]],
        new: list[tuple[Unit, frozenset[str]]],
        place: str,
    ) -> None:
        for (old_unit, old_before), (new_unit, new_before) in zip(old, new, strict=False):
            if not self._same_unit(old_unit, new_unit, f"a statement at the top of {old_unit.module}"):
                return
            if is_main_guard(old_unit.node) != is_main_guard(new_unit.node):
                self._differ(f"{self._place(new_unit.module)}: another statement is run")
                return
            if not is_main_guard(new_unit.node) and new_unit.kind == "statement":
                for name in sorted(old_before ^ new_before):
                    when = "after" if name in old_before else "before"
                    self._differ(
                        f"{self._place(new_unit.module)}: line {new_unit.node.lineno} now runs "
                        f"{'before' if when == 'after' else 'after'} the package {name} is loaded"
                    )
        if len(old) != len(new):
            longer = old if len(old) > len(new) else new
            unit = longer[min(len(old), len(new))][0]
            what = "gone" if longer is old else "new"
            self._differ(f"{unit.module}: line {unit.node.lineno} is {what}, and does something when loaded")

    def _same_unit(self, old: Unit, new: Unit, what: str) -> bool:
        """Compare two units' tokens; note what has to be compared as well."""
        place = self._place(new.module)
        for index, (one, other) in enumerate(zip(old.tokens, new.tokens, strict=False)):
            try:
                equal = self._same_token(one, other)
            except UnclearError as error:
                self._differ(str(error))
                return False
            if not equal:
                self._differ(
                    f"{place}: {what} differs (line {new.lines[index]}): "
                    f"{self._told(self.old, one)} became {self._told(self.new, other)}"
                )
                return False
        if len(old.tokens) != len(new.tokens):
            self._differ(f"{place}: {what} differs in length")
            return False
        self._look_for_names(old, new, what)
        return True

    @staticmethod
    def _told(program: Program, token: Token) -> str:
        if isinstance(token, str):
            return token if len(token) < 60 else f"{token[:57]}..."
        if isinstance(token, Load):
            return "an import"
        try:
            target = program.resolve(token)
        except UnclearError:
            return token.name
        if isinstance(target, Outside):
            return target.name
        if isinstance(target, Whole):
            return target.module
        return ".".join((target.module, target.name, *target.attributes))

    def _same_token(self, old: Token, new: Token) -> bool:
        if isinstance(old, Reference) and isinstance(new, Reference):
            return self._same_reference(old, new)
        if isinstance(old, Load) and isinstance(new, Load):
            self._same_load(old, new)
            return True
        return type(old) is type(new) and old == new

    def _same_load(self, old: Load, new: Load) -> None:
        if (old, new) in self._loads:
            return
        self._loads.add((old, new))
        old_statements, old_packages = self.old.loading(old)
        new_statements, new_packages = self.new.loading(new)
        place = self._place(self.new.entry)
        self._same_packages(old_packages, new_packages, place)
        self._same_statements(old_statements, new_statements, place)

    def _same_reference(self, old: Reference, new: Reference) -> bool:
        if old.stored != new.stored or old.fingerprint != new.fingerprint:
            return False
        one, other = self.old.resolve(old), self.new.resolve(new)
        if isinstance(one, Whole) and isinstance(other, Whole):
            if not old.fingerprint:
                self._keep_whole(one.module, other.module, "is used as a value")
            return True
        if isinstance(one, Outside) and isinstance(other, Outside):
            return one == other
        if isinstance(one, Inside) and isinstance(other, Inside):
            if one.attributes != other.attributes:
                return False
            self._pair((one.module, one.name), (other.module, other.name))
            if old.stored:
                self._changed.add((other.module, other.name))
            return True
        return False

    def _pair(self, old: tuple[str, str], new: tuple[str, str]) -> None:
        if self._forth.get(old) == new:
            return
        others = [it for it in (self._forth.get(old), self._back.get(new)) if it is not None]
        if others and not (self._is_shareable(self.old, old) and self._is_shareable(self.new, new)):
            self._differ(
                f"{self._place(new[0])}: {new[1]} was, or becomes, two things that can be told apart"
            )
            return
        if others:
            self._shared |= {new, *(it for it in others if it in self._back)}
        self._forth[old] = new
        self._back[new] = old
        self._waiting.append((old, new))

    @staticmethod
    def _is_shareable(program: Program, name: tuple[str, str]) -> bool:
        """Tell whether it makes no difference that there are two of a thing: nobody can change one."""
        _, statement = program.binding(Inside(*name))
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            return _is_constant(statement.value)
        if isinstance(statement, ast.FunctionDef):
            return not statement.decorator_list and all(map(_is_constant, _defaults(statement)))
        return False

    def _same_binding(self, old: tuple[str, str], new: tuple[str, str]) -> None:
        for program, (module, name) in ((self.old, old), (self.new, new)):
            if module in program.compared and name not in program.compared[module].bound:
                self._differ(f"{self._place(new[0])}: what {name} is cannot be told")
                return
            if module not in program.compared:
                self._differ(f"{module}: defines {name}, and is no dependency of the stage")
                return
        old_module, old_statement = self.old.binding(Inside(*old))
        new_module, new_statement = self.new.binding(Inside(*new))
        if (old_statement is None) != (new_statement is None):
            self._differ(f"{new_module.path}: {new[1]} is bound in another way")
            return
        if old_statement is None or new_statement is None:
            # Its statements are compared among those that loading runs, in their order.
            of_new = self.new.lines(Inside(*new))
            if any(isinstance(it, ast.FunctionDef | ast.ClassDef) for it in of_new):
                self._keep_name(old, new)
            return
        old_unit = old_module.unit(old_statement, old[1])
        new_unit = new_module.unit(new_statement, new[1])
        if old_unit.kind != new_unit.kind:
            self._differ(f"{new_module.path}: {new[1]} was a {old_unit.kind} and is a {new_unit.kind}")
            return
        if old_unit.kind != "value":
            self._keep_name(old, new)
        self._same_unit(old_unit, new_unit, new[1])

    def _keep_name(self, old: tuple[str, str], new: tuple[str, str]) -> None:
        if old[1] != new[1] and self.renamed.get(".".join(old)) != ".".join(new):
            self._differ(f"{self._place(new[0])}: {old[1]} is now called {new[1]}; vouch for that in --moves")

    def _look_for_names(self, old: Unit, new: Unit, what: str) -> None:
        """Refuse what may write a module's name or place, unless the module stays where it is."""
        naming, never = set(new.naming), set(new.never)
        old_module, new_module = self.old.module(old.module), self.new.module(new.module)
        if new.reads_source and old_module and new_module and old_module.source != new_module.source:
            never.add("its own file")
        if isinstance(new.node, ast.ClassDef):
            naming |= {
                f"{_A_CLASS}{it.name}"
                for base in new.node.bases
                if isinstance(it := self._base(new, base), Outside) and _is_one_of(it.name, _NETWORKS)
            }
        for token in new.tokens:
            if isinstance(token, Reference) and not token.fingerprint:
                target = self.new.resolve(token)
                if isinstance(target, Outside) and not _is_one_of(target.name, _HARMLESS):
                    if _is_one_of(target.name, _HIDES_NAMES):
                        never.add(target.name)
                    elif _is_one_of(target.name, _WRITES_NAMES):
                        naming.add(target.name)
        for function, *handed in new.passed:
            called = None if function is None else self.new.resolve(function)
            if isinstance(called, Inside | Whole):
                continue
            if isinstance(called, Outside) and not _is_one_of(called.name, (*_NETWORKS, *_TEXTS)):
                continue
            if called is None and not self._imports_networks(new.module):
                continue
            for argument in handed:
                given = None if argument is None else self.new.resolve(argument)
                if isinstance(given, Inside):
                    self._stay(given, "is handed to what writes names: Keras, or a text")
        place = self._place(new.module)
        if new.kind == "class":
            stays = old.says == new.says
            plain = new.says == new.module and old.says == old.module
            if not stays and not plain:
                self._differ(f"{place}: {what} was of the module {old.says} and is of {new.says}")
            if stays:
                naming = {it for it in naming if not it.startswith((_A_CLASS, *_REGISTERS))}
        for reason in sorted(never):
            self._differ(f"{place}: {what} uses {reason}, which may read any code")
        self._names_any |= {it for it in naming if _is_one_of(it, _OF_ANY)}
        for reason in sorted(naming):
            self._keep_whole(old.module, new.module, f"may write its own name ({reason})")

    def _imports_networks(self, name: str) -> bool:
        module = self.new.module(name)
        return module is not None and any(_is_one_of(it, _NETWORKS) for it, _ in module.imports.values())

    def _stay(self, given: Inside, why: str) -> None:
        """Ask that a function or class stays in its module."""
        _, statement = self.new.binding(given)
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            old = self._back.get((given.module, given.name))
            if old is not None and isinstance(statement, ast.ClassDef):
                module, former = self.old.binding(Inside(*old))
                if former is not None and module.unit(former, old[1]).says == self._says(given):
                    return
            if old is None or self._place(given.module) != self._old_place(old[0]):
                self._differ(f"{self._place(given.module)}: moved, and {given.name} {why}")

    def _says(self, given: Inside) -> str:
        module, statement = self.new.binding(given)
        return "" if statement is None else module.unit(statement, given.name).says

    def _old_place(self, module: str) -> str:
        found = self.old.module(module)
        return found.path if found else module

    def _base(self, unit: Unit, node: ast.expr) -> Target | None:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        return self.new.resolve(Reference(unit.module, node.id, None, tuple(attributes)))

    def _keep_whole(self, old: str, new: str, why: str) -> None:
        """Ask that a module stays where it is, and that all of it is equal."""
        if self._place(new) != self._old_place(old):
            self._differ(f"{self._place(new)}: moved, and {why}")
            return
        if new in self._whole:
            return
        self._whole.add(new)
        if old in self.old.compared and new in self.new.compared:
            names = set(self.old.compared[old].bound) | set(self.new.compared[new].bound)
            for name in sorted(names):
                if not (name in self.old.compared[old].bound and name in self.new.compared[new].bound):
                    self._differ(f"{self._place(new)}: {name} is new or gone, and the module {why}")
                else:
                    self._pair((old, name), (new, name))


def differences(old: Program, new: Program, *, renamed: Mapping[str, str] | None = None) -> list[str]:
    """Compare two programs.

    Parameters
    ----------
    old, new
        What is compared.
    renamed
        New dotted names of functions, by the old ones: for each of them the caller vouches that its name is
        in no output.

    Returns
    -------
    list of str
        Why they are not proved equal, a line each; empty where they are.
    """
    return Comparison(old, new, renamed or {}).problems
