"""The database of a history: its address, its tables, and what goes wrong with either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..audit.masked import HIDDEN, masked
from ..datasets.errors import InputError
from ..models.extras import optional

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine, MetaData, Table

SECONDS = 10
"""How long a server may take to answer."""
LOCKED_SECONDS = 60
"""How long a file may be locked by others who record."""

DRIVERS = {"psycopg": "psycopg[binary]", "MySQLdb": "mysqlclient"}
"""Packages of drivers that are not called as the module is."""
_TIMEOUTS = {
    "pysqlite": {"timeout": LOCKED_SECONDS},
    **{driver: {"connect_timeout": SECONDS} for driver in ("psycopg", "psycopg2", "pymysql", "mysqldb")},
}


class DatabaseError(InputError):
    """The database did not do what it was asked: down, locked, no rights, no space."""


class NotRecordedError(InputError):
    """A database holds nothing of an audit, or there is none: it may be another one that is meant."""


def engine(address: str, where: str = "history") -> Engine:
    """Open the database at an address; nothing is connected to yet.

    Parameters
    ----------
    address : str
        Any SQLAlchemy URL of a synchronous driver.
    where : str
        What to call the address in an error, such as ``--db``.

    Raises
    ------
    InputError
        The address cannot be used at all, or its package is not installed.
    """
    sqlalchemy = optional("sqlalchemy", "a history", "history")
    url = _parsed(address, where)
    try:
        given = _TIMEOUTS.get(url.get_dialect().driver, {})
        made: Engine = sqlalchemy.create_engine(url, connect_args=given, poolclass=sqlalchemy.NullPool)
    except sqlalchemy.exc.NoSuchModuleError:
        raise InputError(f"{where}: no database is called {url.drivername!r}, in {masked(address)}") from None
    except ModuleNotFoundError as error:
        package = DRIVERS.get(str(error.name), error.name)
        raise InputError(
            f'{where}: {masked(address)} needs the package {error.name}: pip install "{package}"'
        ) from None
    except (sqlalchemy.exc.ArgumentError, TypeError, ValueError) as error:
        raise InputError(f"{where}: {masked(address)}: {_short(error)}") from None
    if made.dialect.is_async:
        raise InputError(f"{where}: {url.drivername} answers asynchronously; expected a driver that waits")
    return made


def _parsed(address: str, where: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise InputError(
            f"{where}: expected a database address such as sqlite:///fairness.db or "
            f"postgresql://user@host/name, got {masked(address)!r}"
        ) from None
    for what, held in (("password", url.password), ("user", url.username)):
        if held == HIDDEN:
            raise InputError(f"{where}: the {what} of {masked(address)} is hidden; give the address with it")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError(f"{where}: {address} keeps nothing; expected a file, such as sqlite:///fairness.db")
    return url


def file_of(made: Engine) -> Path | None:
    """Return the file of a database that is one."""
    url = made.url
    whole = url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:")
    return Path(str(url.database)) if whole else None


@contextmanager
def answering(made: Engine) -> Iterator[None]:
    """Turn what the database answers into one line, without what its address hides."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        told = _short(getattr(error, "orig", None) or error)
        user = made.url.username or ""
        for hidden in (made.url.password, "" if user in shown(made) else user):
            if hidden:
                told = told.replace(str(hidden), HIDDEN)
        raise DatabaseError(f"{shown(made)}: {told}") from None


def shown(made: Engine) -> str:
    """Return the address without its password or token."""
    return masked(made.url.render_as_string(hide_password=True))


def _short(error: BaseException) -> str:
    """The first line of a message that says something; drivers add hints and statements."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return masked(lines[0]) if lines else type(error).__name__


@cache
def tables() -> MetaData:
    """Specify the tables: a row per run, per figure of a variant, per gate.

    A run is what its ``audit.json`` says, so the sha256 of that file tells one from another: rendering its
    reports again, or signing it, makes no other run of it.
    """
    from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

    every = MetaData()

    def of_run() -> list[Column[Any]]:
        return [
            Column("id", Integer, primary_key=True),
            Column("run", ForeignKey("fairweigh_runs.id", ondelete="CASCADE"), nullable=False, index=True),
            Column("variant", String(500), nullable=False),
            Column("metric", String(500), nullable=False),
            Column("by", JSON, nullable=False),
            Column("compare", String(20), nullable=False),
            Column("slice", JSON, nullable=False),
            Column("reference", JSON),
            Column("value", Float(53)),
            Column("low", Float(53)),
            Column("high", Float(53)),
        ]

    Table(
        "fairweigh_runs",
        every,
        Column("id", Integer, primary_key=True),
        Column("sha256", String(64), nullable=False, unique=True),
        Column("audit", String(500), nullable=False, index=True),
        Column("title", Text, nullable=False),
        Column("release", String(500), nullable=False),
        Column("created", String(40), nullable=False),
        Column("verdict", String(20), nullable=False),
        Column("recommended", String(500)),
        Column("rows", Integer, nullable=False),
        Column("data_sha256", String(64), nullable=False),
        Column("model_sha256", String(64)),
        Column("configuration_sha256", String(64)),
        Column("schema_version", String(20), nullable=False),
        Column("versions", JSON, nullable=False),
    )
    Table(
        "fairweigh_figures",
        every,
        *of_run(),
        Column("kind", String(20), nullable=False),
        Column("part", String(20), nullable=False),
        Column("name", String(500), nullable=False),
        Column("scope", String(20), nullable=False),
        Column("confidence", Float(53)),
        Column("n", Integer),
        Column("status", String(20), nullable=False),
    )
    Table(
        "fairweigh_gates",
        every,
        *of_run(),
        Column("gate", String(500), nullable=False),
        Column("limit", String(100), nullable=False),
        Column("limit_value", Float(53)),
        Column("upper", Boolean),
        Column("decide", String(20), nullable=False),
        Column("binding", Boolean, nullable=False),
        Column("verdict", String(20), nullable=False),
        Column("why", Text, nullable=False),
    )
    return every


def table(name: str) -> Table:
    """Return one of the tables: ``runs``, ``figures`` or ``gates``."""
    return tables().tables[f"fairweigh_{name}"]


def make_tables(made: Engine) -> None:
    """Make the tables that are not there yet, also where others do the same at this moment."""
    from sqlalchemy.exc import DBAPIError

    with answering(made):
        for _ in tables().tables:
            try:
                tables().create_all(made)
                break
            except DBAPIError:
                # Somebody else made one between our look and our making it: the next look sees it, and the
                # same can happen once with each of the others.
                continue
        else:
            tables().create_all(made)
    check_tables(made)


def check_tables(made: Engine) -> None:
    """InputError where the tables are not there, or are those of another version."""
    from sqlalchemy import inspect

    with answering(made):
        look = inspect(made)
        there = {n: {c["name"] for c in look.get_columns(n)} for n in tables().tables if look.has_table(n)}
    if not there:
        raise NotRecordedError(f"{shown(made)}: holds no history; 'history:' in audit.yaml records runs")
    for name, wanted in tables().tables.items():
        lacking = sorted({c.name for c in wanted.columns} - there.get(name, set()))
        if lacking:
            raise InputError(
                f"{shown(made)}: the table {name} has no column {', '.join(lacking)}; it was made by another "
                "version of fairweigh"
            )
