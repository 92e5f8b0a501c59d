"""Accounts, tokens and the roles' permissions."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, select

from fleet_server.domain.errors import RuleError
from fleet_server.domain.roles import Role
from fleet_server.services import accounts
from fleet_server.services import tables as t
from fleet_server.tests.console_site import START, Site, quick_hasher


# By hand, from the jobs that the roles stand for.
def test_there_is_one_first_account_per_role_each_with_its_own_password(engine: Engine) -> None:
    numbers = count(1)
    with engine.begin() as connection:
        made, again = (
            accounts.create_first_accounts(
                connection, quick_hasher(), lambda: f"password {next(numbers)}", START
            )
            for _ in range(2)
        )
    assert [sign_in.username for sign_in in made] == [role.value for role in Role]
    assert [sign_in.role for sign_in in made] == list(Role)
    assert len({sign_in.password for sign_in in made}) == len(Role)
    assert again == ()


def test_passwords_and_tokens_are_not_in_the_database(site: Site) -> None:
    signed_in = site.context.sign_in("auditor", site.passwords[Role.AUDITOR], "192.0.2.1")
    with site.context.fleet.reading() as connection:
        stored = str(connection.execute(select(t.account)).all())
        stored += str(connection.execute(select(t.api_token)).all())
    assert "$argon2id$" in stored
    assert signed_in.token not in stored
    assert not any(password in stored for password in site.passwords.values())


def test_a_token_stands_for_its_account_until_it_ends(site: Site) -> None:
    token = site.context.sign_in("auditor", site.passwords[Role.AUDITOR], "192.0.2.1").token
    site.now += accounts.TOKEN_LIFETIME - timedelta(milliseconds=1)
    assert site.context.account_of(token).role is Role.AUDITOR
    site.now += timedelta(milliseconds=1)
    with pytest.raises(accounts.NotSignedInError):
        site.context.account_of(token)


def test_a_closed_session_is_over_at_once_and_others_stay(site: Site) -> None:
    first, second = (
        site.context.sign_in("auditor", site.passwords[Role.AUDITOR], "192.0.2.1").token
        for _ in range(2)
    )
    site.context.sign_out(first)
    with pytest.raises(accounts.NotSignedInError):
        site.context.account_of(first)
    assert site.context.account_of(second).username == "auditor"


def test_ended_tokens_are_cleared_at_the_next_sign_in(site: Site) -> None:
    for _ in range(3):
        site.context.sign_in("auditor", site.passwords[Role.AUDITOR], "192.0.2.1")
        site.now += accounts.TOKEN_LIFETIME
    with site.context.fleet.reading() as connection:
        assert len(connection.execute(select(t.api_token)).all()) == 1


@pytest.mark.parametrize("username", ["auditor", "nobody", ""])
def test_a_wrong_password_and_an_unknown_name_are_refused_alike(site: Site, username: str) -> None:
    with pytest.raises(accounts.WrongSignInError, match="Unknown user name or wrong password"):
        site.context.sign_in(username, "wrong", "192.0.2.1")


def test_a_language_that_is_not_ours_is_refused(site: Site) -> None:
    with (
        site.context.fleet.writing() as connection,
        pytest.raises(RuleError, match="No such language"),
    ):
        accounts.choose_language(connection, 1, "de")


def test_a_form_token_fits_its_own_secret_only() -> None:
    token = accounts.form_token("secret")
    assert accounts.form_token_matches("secret", token)
    assert not accounts.form_token_matches("other", token)
    assert not accounts.form_token_matches("secret", "")
    assert not accounts.form_token_matches("secret", "ë")
