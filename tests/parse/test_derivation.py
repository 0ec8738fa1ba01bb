from collector.parse.derivation import Derive


def test_a_function_stands_beside_what_it_gives():
    derive = Derive(lambda text: {"user.name": text}, ("user.name",))
    assert derive.function("bob") == {"user.name": "bob"}
    assert derive.gives == ("user.name",)
