"""The lint that refuses files that need each other finds them, and nothing else."""

import importlib.util

import pytest
from templates import ROOT

SCRIPT = importlib.util.spec_from_file_location("circles", ROOT / "tests" / "circles.py")
circles = importlib.util.module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(circles)

WITHOUT = {
    "lib.rs": "pub mod account;\npub mod roll;\nmod report;\npub use report::Report;\n",
    "account.rs": "pub struct Account;\n",
    "roll.rs": "use crate::account::Account;\npub struct Roll(Vec<Account>);\n",
    "report.rs": """
        use std::fmt::Write as _;
        use crate::{account::{self, Account}, roll};
        pub struct Report(roll::Roll, account::Account);
        fn write<'r>(text: &'r str) -> impl Iterator<Item = char> + use<'r> { text.chars() }
    """,
}


@pytest.fixture
def crate(tmp_path):
    """Writes a crate of these files, and says what the lint makes of it."""

    def lint(files):
        for name, text in (WITHOUT | files).items():
            file = tmp_path / "core" / "src" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return circles.main(tmp_path, ("core",))

    return lint


def test_a_crate_without_a_circle_passes_in_silence(crate, capsys):
    assert crate({}) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("files", "tie"),
    [
        ({"account.rs": "use crate::roll::Roll;\npub struct Account;\n"}, "account.rs takes Roll from core/src/roll.rs"),
        ({"account.rs": "pub struct Account;\nfn of(roll: &crate::roll::Roll) {}\n"}, "account.rs takes Roll from core/src/roll.rs"),
        ({"account.rs": "pub struct Account;\nfn of(roll: &super::roll::Roll) {}\n"}, "account.rs takes Roll from core/src/roll.rs"),
        ({"account.rs": "use crate::Report;\npub struct Account;\n"}, "account.rs takes Report from core/src/report.rs"),
        ({"account.rs": "use crate::{roll as list};\npub struct Account;\n"}, "account.rs takes roll from core/src/roll.rs"),
        (
            {"roll.rs": "mod order;\npub struct Roll;\n", "roll/order.rs": "use super::Roll;\n"},
            "roll/order.rs takes Roll from core/src/roll.rs",
        ),
        (
            {"roll.rs": "mod order;\npub struct Roll;\n", "roll/order.rs": "fn x() { /* '\"' */ let _ = '\"'; crate::roll::Roll }\n"},
            "roll/order.rs takes Roll from core/src/roll.rs",
        ),
    ],
)
def test_a_circle_is_printed_file_by_file(crate, capsys, files, tie):
    assert crate(files) == 1
    assert f"  core/src/{tie}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "files",
    [
        {"account.rs": "pub struct Account;\n#[cfg(test)]\nmod tests {\n    use crate::roll::Roll;\n}\n"},
        {"account.rs": "pub struct Account;\n#[cfg(test)]\n#[path = \"x\"]\nmod tests;\n"},
        {"account.rs": "pub struct Account;\n#[cfg(test)]\nuse crate::roll::Roll;\n"},
        {"account.rs": "// use crate::roll::Roll;\n/// [`crate::roll::Roll`]\npub struct Account;\n"},
        {"account.rs": 'pub struct Account;\nconst TEXT: &str = r#"crate::roll::Roll "quoted""#;\n'},
        {"account.rs": "use roll::Roll;\npub struct Account;\n"},
        {"roll.rs": "mod order;\npub use order::Roll;\n", "roll/order.rs": "use crate::account::Account;\npub struct Roll;\n"},
        {
            "roll.rs": "mod order;\nmod roll_type;\npub use roll_type::Roll;\n",
            "roll/order.rs": "use super::Roll;\n",
            "roll/roll_type.rs": "pub struct Roll;\n",
        },
    ],
)
def test_what_ties_no_two_files_is_not_taken_for_a_circle(crate, capsys, files):
    assert crate(files) == 0, capsys.readouterr().out
