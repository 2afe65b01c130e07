"""Kubernetes' own CEL functions."""

import pytest

from minik.api.cel.engine import CelError, compile_dynamic


@pytest.mark.parametrize(
    "expression",
    [
        "quantity('100Mi').isLessThan(quantity('1Gi'))",
        "quantity('1').add(1) == quantity('2')",
        "quantity('1500m').sub(quantity('0.5')).asInteger() == 1",
        "quantity('1k').compareTo(quantity('1000')) == 0",
        "!isQuantity('x')",
        "semver('1.2.3').isLessThan(semver('1.10.0'))",
        "semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
        "semver('v1.2', true).minor() == 2",
        "!isSemver('v1.2')",
        "ip('::1').family() == 6 && ip('127.0.0.1').isLoopback()",
        "!ip.isCanonical('::0001') && !isIP('1.2.3')",
        "!format.dns1123Label().validate('a-b').hasValue() && format.dns1123Label().validate('A').hasValue()",
        "format.named('uuid').value().validate('x').value().size() == 1 && !format.named('odd').hasValue()",
        "string(ip('1.2.3.4')) == '1.2.3.4' && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
        "['b', 'a', 'b'].distinct().sort() == ['a', 'b'] && [[1], [2]].flatten() == lists.range(2).map(x, x + 1)",
        "[1, 2, 3].slice(1, 3) == [2, 3] && [1, 2].reverse() == [2, 1]",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))",
        "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8",
        "url('https://a.b:80/x?y=z').getHost() == 'a.b:80' && url('https://a.b:80/').getPort() == '80'",
        "url('https://a/x?y=z').getQuery()['y'] == ['z']",
        "url('https://a/b c/').getEscapedPath() == '/b%20c/' && url('https://a/%41[').getEscapedPath() == '/%41['",
        "!isSemver('', true) && semver('v01.2', true).compareTo(semver('1.2.0')) == 0",
        "[1, 2, 3].isSorted() && [1, 2].sum() == 3 && ['b', 'a'].min() == 'a' && ['a'].indexOf('b') == -1",
        "'abc123'.find('[0-9]+') == '123' && 'a1b2'.findAll('[0-9]', 1) == ['1']",
        "sets.contains([1, 2], [1]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])",
        "'%s is %d'.format(['a', 1]) == 'a is 1' && 'A'.lowerAscii() == 'a'",
        "dyn('%s'.format([[1, 'b', 1.5, null, b'x', {'k': 'v', 'a': 2}]])) == "
        '\'[1, "b", 1.500000, null, b"x", {"a":2, "k":"v"}]\'',
        "'%s %s %s'.format([1.5, duration('1500ms'), [duration('90m')]]) == '1.5 1.5s [duration(\"5400s\")]'",
        "'%e %.2f %f %x %o %b %d'.format([3.14, 1234.567, 1.0, 'ab', 8, true, 7]) == "
        "'3.140000×10⁰⁰ 1,234.57 1.000000 6162 10 1 7'",
        "strings.quote('a\"b') == '\"a\\\\\"b\"' && ['a', 'b'].join() + ['a', 'b'].join('-') == 'aba-b'",
        "!has(dyn(1).a) && dyn([1, 2])[1.0] == 2",
        "format.uri().validate('http://a') == optional.none()",
        "format.uuid().validate('x').orValue(['y']).size() == 1",
        "format.named('odd').orValue(format.uuid()).validate('x').hasValue()",
        "duration('1h2m3s4ms').getMilliseconds() == 3723004",
        "timestamp('2020-01-01T00:00:00.250Z').getMilliseconds() == 250",
        "5 < 10.0 && 10.0 > 5 && [1].size() >= 0.5 && -1 < 1u",
        "[duration('1h'), duration('1s')].min() == duration('1s')",
        "[duration('1h'), duration('1s')].sum() == duration('3601s')",
        "[timestamp('2010-01-01T00:00:00Z'), timestamp('2000-01-01T00:00:00Z')].sort()[0].getFullYear() == 2000",
        "optional.of(1).orValue(2) == 1 && {'a': 1}.?b.orValue(2) == 2",
    ],
)
def test_expressions_hold(expression: str) -> None:
    assert compile_dynamic(expression, ()).evaluate({}) is True


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("{'a': 1}['b'] == 1", "no such key: b"),
        ("[1][3] == 1", "index out of bounds: 3"),
        ("dyn(null).all(x, true)", "got 'types.Null', expected iterable type"),
        ("dyn(1).exists(x, true)", "got 'types.Int', expected iterable type"),
        ("dyn(null) < 1", "no such overload: _<_"),
        ("dyn('a') < 1", "no such overload"),
        ("dyn(true) + 1 == 2", "no such overload: _+_"),
        ("dyn(1.5) % 2 == 1", "no such overload: _%_"),
        ("size(dyn(1)) == 1", "no such overload: size"),
        ("dyn(1).matches('a')", "no such overload: matches"),
        ("dyn(1).startsWith('a')", "no such overload"),
        ("!dyn(1)", "no such overload"),
        ("int(dyn({})) == 1", "no such overload: int(map)"),
        ("dyn(1).lowerAscii() == ''", "no such overload: lowerAscii(int)"),
        ("quantity(dyn(1)).sign() == 1", "no such overload: quantity(int)"),
        ("dyn('a').getHours() == 1", "no such overload"),
        ("dyn(1).getHours() == 1", "no such overload: getHours"),
        ("dyn(null).a == 1", "no such key: a"),
        ("dyn(1)[0] == 1", "no such key: 0"),
        ("dyn([1]).a == 1", "unsupported index type 'string' in list"),
        ("dyn([1])['a'] == 1", "unsupported index type 'string' in list"),
        ("has(dyn([1]).a)", "unsupported index type 'string' in list"),
        ("int('x') == 1", "type conversion error from 'string' to 'int'"),
        ("bool('x')", "type conversion error from 'string' to 'bool'"),
        ("duration('x' + '') == null", "type conversion error from 'string' to 'google.protobuf.Duration'"),
        ("uint(-1) == 1u", "unsigned integer overflow"),
        ("int(1e20) == 1", "integer overflow"),
        ("'abc'.charAt(4) == ''", "index out of range: 4"),
        ("'abc'.substring(1, 4) == ''", "index out of range: 4"),
        ("'abc'.substring(2, 1) == ''", "invalid substring range. start: 2, end: 1"),
        (
            "'%d'.format(dyn(['a'])) == ''",
            "error during formatting: decimal clause can only be used on integers, was given string",
        ),
        ("1 / 0 == 1", "division by zero"),
        ("quantity('1.5').asInteger() == 1", "cannot convert value to integer"),
        (
            "isIP('x') || ip('1.2.3').family() == 4",
            'IP Address "1.2.3" parse error during conversion from string: ParseAddr("1.2.3"): IPv4 address too short',
        ),
        ("ip('fe80::1%a').family() == 6", 'IP address "fe80::1%a" with zone value is not allowed'),
        ("ip('::ffff:1.2.3.4').family() == 6", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'),
        (
            "cidr('10.0.0.0/').prefixLength() == 1",
            "network address parse error during conversion from string: network address parse error during conversion "
            'from string: netip.ParsePrefix("10.0.0.0/"): bad bits after slash: ""',
        ),
        (
            "url('a b').getHost() == ''",
            'URL parse error during conversion from string: parse "a b": invalid URI for request',
        ),
        ("semver('1.2').major() == 1", "No Major.Minor.Patch elements found"),
        ("semver('1.02.3').major() == 1", 'Minor number must not contain leading zeroes "02"'),
        ("semver('1.2+a', true).major() == 1", "short version cannot contain PreRelease/Build meta data"),
        ("[1].slice(2, 1) == []", "cannot slice(2, 1), start index must be less than or equal to end index"),
        ("[1].slice(0, 2) == []", "cannot slice(0, 2), list is length 1"),
    ],
)
def test_errors_are_in_the_words_of_cel_go(expression: str, text: str) -> None:
    with pytest.raises(CelError) as caught:
        compile_dynamic(expression, ()).evaluate({})
    assert str(caught.value) == text
