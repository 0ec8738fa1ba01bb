from collector.parse.derivation import REMEMBERED, Derive, remembering


def test_a_function_stands_beside_what_it_gives():
    derive = Derive(lambda text: {"user.name": text}, ("user.name",))
    assert derive.function("bob") == {"user.name": "bob"}
    assert derive.gives == ("user.name",)


def test_texts_are_remembered_but_not_all_of_them():
    asked = []

    def function(text):
        asked.append(text)
        return {"user.name": text}

    known = remembering(function)
    assert known is remembering(function)
    assert [known("bob"), known("bob")] == [{"user.name": "bob"}] * 2
    for number in range(REMEMBERED + 5):
        known(str(number))
    known("bob")
    assert asked.count("bob") == 2
