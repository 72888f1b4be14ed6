//! Templates against what Python's jinja2 3.1.6 makes of them, set up as transformers 5.24 sets it up.

use azulejo_tokenizer::{ChatTemplate, Error, Message, RenderOptions};
use serde_json::json;

fn render(source: &str) -> Result<String, Error> {
    let json = json!({"text": "Olá, <b>mundo</b>", "word": "azulejo", "number": 7, "half": 2.5, "yes": true, "nothing": null, "list": [3, 1, 2], "names": ["b", "A", "c"], "empty": [], "tool": {"name": "soma", "items": [1], "C": null}, "people": [{"name": "Rui", "age": {"years": 30}}, {"name": "Ana"}]});
    let options = RenderOptions { extra: json.as_object().unwrap().clone(), ..RenderOptions::default() };
    ChatTemplate::new(source)?.render::<Message>(&[], &options)
}

/// Each source with its text, whatever the line ends of its file are.
fn same(cases: &[(&str, &str)]) {
    let mut failures = Vec::new();
    for &(source, text) in cases {
        for ends in ["\n", "\r\n", "\r"] {
            let rendered = render(&source.replace('\n', ends));
            if !matches!(&rendered, Ok(rendered) if rendered == text) {
                failures.push(format!("{source:?}\n  ours:   {rendered:?}\n  theirs: {text:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn jinja_operators_are_pythons() {
    same(&[
        (
            "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ 2 * 3 ~ 4 }} {{ -number | abs }} {{ -0.0 }}",
            "3 -4 2 3.5 2.0 0.5 64 64 7 -0.0",
        ),
        (
            "{{ 'ab' * 2 }} {{ [1] + [2.0] }} {{ (1,) + (2,) }} {{ nothing ~ yes ~ 1.0 ~ list }} {{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }}",
            "abab [1, 2.0] (1, 2) NoneTrue1.0[3, 1, 2] True False",
        ),
        (
            "{{ 1 == 1.0 }} {{ yes == 1 }} {{ (1,) == [1] }} {{ [1, [2]] == [1.0, [2]] }} {{ nothing == false }} {{ missing == other }} {{ '1' == 1 }}",
            "True True False True False True False",
        ),
        (
            "{{ 'a' in 'cab' }} {{ 'name' in tool }} {{ ('name', 'soma') in tool.items() }} {{ 'x' in missing }} {{ 2 not in list }}",
            "True True True False False",
        ),
        (
            "{{ nothing or 'x' }} {{ 0 or '' or 'z' }} {{ 1 and 2 }} {{ not list }} {{ 'a' if missing }}| {{ 'a' if empty else 'b' if yes else 'c' }}",
            "x z 2 False | b",
        ),
        (
            "{{ '%s is %d, %05.1f|%-4s|%x' % (word, 3.7, half, 'a', 255) }} {{ '%s' % list }} {{ '%(a)s' % {'a': 1} }} {{ '%s' % nothing }} {{ '100%%' % () }}",
            "azulejo is 3, 002.5|a   |ff [3, 1, 2] 1 None 100%",
        ),
        (
            "{{ list[::-1] }} {{ empty[::-1] }} {{ word[::-1] }} {{ word[1:-1:2] }} {{ (1, 2, 3)[1:] }} {{ word[99:] }} {{ list[-99:2] }} {{ list[0.5] }}|",
            "[2, 1, 3] [] ojeluza zlj (2, 3)  [3, 1] |",
        ),
    ]);
}

#[test]
fn jinja_looks_up_as_python() {
    same(&[
        (
            "{{ tool['items'] }} {{ tool.items is callable }} {{ tool.items is mapping }} {{ tool.items.type is defined }} {{ tool.get is defined }} {{ tool['keys'] is defined }}",
            "[1] True False False True True",
        ),
        (
            "{{ tool.pop is defined }} {{ list.append is defined }} {{ people[1].age is defined }} {{ people[1]['get'] is defined }} {{ nothing.anything }}| {{ number.x }}| {{ word['x'] }}|",
            "False False False True | | |",
        ),
        (
            "{{ list | first }} {{ list[-1] }} {{ word[0] }} {{ list[9] }}| {{ tool.items() | list }} {{ tool.keys() | join }} {{ tool.values() | list | length }} {{ tool.get('x', 5) }} {{ tool.get('x') }}",
            "3 2 a | [('name', 'soma'), ('items', [1]), ('C', None)] nameitemsC 3 5 None",
        ),
        (
            "{% set n = namespace({'a': 1}, b=[]) %}{% for x in list %}{% set n.a = n.a + x %}{% set n.b = n.b + [x] %}{% endfor %}{{ n.a }} {{ n.b }} {{ n.c is defined }} {{ n is mapping }} {{ n is iterable }}",
            "7 [3, 1, 2] False False False",
        ),
        (
            "{% set n = namespace(x=1) %}{% set n.x, y = 2, 3 %}{{ n.x }}{{ y }}{% set n.x | upper %}a{{ y }}{% endset %}{{ n.x }}{% set n.items = 4 %}{{ n.items }}",
            "23A34",
        ),
    ]);
}

#[test]
fn jinja_methods_are_pythons() {
    same(&[
        (
            r"{{ ' a b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.split(',', maxsplit=1) }} {{ 'a b c'.rsplit(none, 1) }} {{ 'a--b'.split('-') }} {{ 'a\r\nb\vc'.splitlines() }}",
            "['a', 'b'] ['a', 'b,c'] ['a', 'b,c'] ['a b', 'c'] ['a', '', 'b'] ['a', 'b', 'c']",
        ),
        (
            "{{ 'xxaxx'.strip('x') }} {{ ' a '.lstrip() }}| {{ 'aXbX'.replace('X', '-', 1) }} {{ word.startswith(('q', 'a')) }} {{ word.endswith('o') }} {{ word.find('z', 1) }} {{ word.find('q') }}",
            "a a | a-bX True True 1 -1",
        ),
        (
            r#"{{ "it's o'neil".title() }} {{ 'ABC d'.capitalize() }} {{ ', '.join(names) }} {{ 'a.b'.partition('.') }} {{ 'ab'.removeprefix('a') }} {{ '7'.zfill(3) }} {{ 'a'.center(4) }}| {{ '12'.isdigit() }}"#,
            "It'S O'Neil Abc d b, A, c ('a', '.', 'b') b 007  a  | True",
        ),
        (
            "{{ '{} {x!r:>5} {}'.format(nothing, yes, x='a') }} {{ '{0} {1[name]} {2:.2f} {3:,} {{}}'.format(1.0, tool, 3.14159, 1234567) }} {{ '{:05d}|{:<3}|{:^3}|{:+}'.format(42, 'a', 'b', 1) }}",
            "None   'a' True 1.0 soma 3.14 1,234,567 {} 00042|a  | b |+1",
        ),
        (
            "{{ list.index(1) }} {{ list.count(3) }} {{ [1, 2].copy() }} {{ {'a': 1}.copy() }}",
            "1 1 [1, 2] {'a': 1}",
        ),
    ]);
}

#[test]
fn jinja_filters_are_jinjas() {
    same(&[
        (
            "{{ missing | length }} {{ missing | list }} {{ missing | default('d') }} {{ '' | default('d', true) }} {{ nothing | default(default_value='d', boolean=true) }} {{ missing | items | list }} {{ nothing | string }}",
            "0 [] d d d [] None",
        ),
        (
            "{{ names | sort }} {{ names | sort(case_sensitive=true) }} {{ people | map(attribute='name') | sort(reverse=true) | join(', ') }} {{ people | map(attribute='age.years', default=0) | list }} {{ ['a', 'A', 'b'] | unique | list }}",
            "['A', 'b', 'c'] ['A', 'b', 'c'] Rui, Ana [30, 0] ['a', 'b']",
        ),
        (
            "{{ people | selectattr('age') | list | length }} {{ people | selectattr('name', 'equalto', 'Ana') | first }} {{ list | select('gt', 1) | list }} {{ list | reject('odd') | list }} {{ nothing | selectattr('x') | list }}",
            "1 {'name': 'Ana'} [3, 2] [2] []",
        ),
        (
            "{{ list | max }} {{ empty | max }}| {{ list | sum }} {{ 2.5 | round }} {{ 2.675 | round(2) }} {{ 42 | round }} {{ '12.7' | int }} {{ 'x' | int(-1) }} {{ '0x1f' | int(base=16) }} {{ nothing | int }} {{ 'x' | float }} {{ '1_000' | int }}",
            "3 | 6 2.0 2.67 42 12 -1 31 0 0.0 1000",
        ),
        (
            r"{{ tool | dictsort }} {{ tool | dictsort(reverse=true) | first }} {{ 'a\n\nb' | indent }} {{ 'a\nb' | indent(2, true) }} {{ 'a b-c' | title }} {{ 'foo bar baz' | truncate(9, leeway=0) }} {{ 5 | upper }} {{ 'a b&c/é' | urlencode }} {{ {'a b': 'é'} | urlencode }}",
            "[('C', None), ('items', [1]), ('name', 'soma')] ('name', 'soma') a\n\n    b   a\n  b A B-C foo... 5 a%20b%26c/%C3%A9 a+b=%C3%A9",
        ),
        (
            "{{ [1, 2, 3] | batch(2, 0) | list }} {{ [1, 2, 3] | slice(2) | list }} {{ list | reverse | list }} {{ 'abc' | reverse }} {{ people | groupby('name') | map(attribute='grouper') | list }} {{ '%s-%s' | format(1, 'x') }} {{ '%(x)s' | format(x=3) }}",
            "[[1, 2], [3, 0]] [[1, 2], [3]] [2, 1, 3] cba ['Ana', 'Rui'] 1-x 3",
        ),
        (
            "{{ tool | tojson }} {{ [1, {}, []] | tojson(indent=2) }} {{ {'b': 1, 'a': 'é'} | tojson(sort_keys=true, ensure_ascii=true, separators=(',', ':')) }} {{ (1.0, none) | tojson }} {{ text | tojson }}",
            "{\"name\": \"soma\", \"items\": [1], \"C\": null} [\n  1,\n  {},\n  []\n] {\"a\":\"\\u00e9\",\"b\":1} [1.0, null] \"Olá, <b>mundo</b>\"",
        ),
        (
            "{{ ('<' | safe) + '<' }} {{ '<' + ('<' | safe) }} {{ ('<' | safe) ~ '<' }} {{ '<' | e }} {{ '<' | e | e }} {{ ('<' | safe | upper) + '<' }} {{ ('a<' | safe).replace('a', '<') }} {{ ['<' | safe] }} {{ text | escape }}",
            "<&lt; &lt;< << &lt; &lt; <&lt; &lt;< [Markup('<')] Olá, &lt;b&gt;mundo&lt;/b&gt;",
        ),
        (
            "{{ joiner is defined }} {% set j = joiner('; ') %}{{ j() }}a{{ j() }}b {% set c = cycler('x', 'y') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }} {{ dict({'z': 1}, a=2) }} {{ range(5, 0, -2) | list }} {{ range(3) }}",
            "True a; b xyxy {'z': 1, 'a': 2} [5, 3, 1] range(0, 3)",
        ),
    ]);
}

#[test]
fn jinja_tests_are_jinjas() {
    same(&[
        (
            "{{ nothing is iterable }} {{ word is iterable }} {{ word is sequence }} {{ tool is sequence }} {{ missing is iterable }} {{ missing is sequence }} {{ 5 is iterable }} {{ list | map('string') is sequence }}",
            "False True True True True True False False",
        ),
        (
            "{{ yes is number }} {{ yes is integer }} {{ 1.0 is float }} {{ tool is mapping }} {{ nothing is none }} {{ yes is true }} {{ 1 is true }} {{ 3 is divisibleby 3 }} {{ 1 is in [1] }} {{ not 1 is in [1] }} {{ 'a' is lower }} {{ 4 is even }} {{ '<' | safe is escaped }}",
            "True False True True True True False True True False True True True",
        ),
        (
            "{{ number is gt 5 }} {{ number is not equalto 7 }} {{ nothing is sameas none }} {{ word is string and word is not mapping }} {{ 'x' if word is defined else 'y' }}",
            "True False True True x",
        ),
    ]);
}

#[test]
fn jinja_values_print_as_in_python() {
    same(&[
        (
            r#"{{ [1, 2.0, none, true, 'x', "it's", (1,), (1, 2), {'a': 1}, missing] }} {{ {1: 'a', none: 1.5} }} {{ 1e16 }} {{ 1.5e-7 }} {{ 1e3 }} {{ 0x1f }} {{ 1_000 }} {{ 0.1 + 0.2 }} {{ 1, 2 }} {{ () }}"#,
            r#"[1, 2.0, None, True, 'x', "it's", (1,), (1, 2), {'a': 1}, Undefined] {1: 'a', None: 1.5} 1e+16 1.5e-07 1000.0 31 1000 0.30000000000000004 (1, 2) ()"#,
        ),
        (
            "{{ 'a' \"b\" }} {{ '\\x41\\u00e9\\101\\q\\\\\\'' }} {{ 'a\\\nb' }} {{ ['\\n\\t\\\\', '\\u00a0'] }}",
            r"ab AéA\q\' ab ['\n\t\\', '\xa0']",
        ),
    ]);
}

#[test]
fn jinja_white_space_and_blocks() {
    same(&[
        ("a\n  {% if yes %}\n    b\n  {% endif %}\nc\n", "a\n    b\nc"),
        ("a\n  {%- if yes -%}\n    b\n  {%- endif -%}\nc\n\n", "abc\n"),
        ("  {%+ if yes +%}\n b {% endif +%}\nc", "  \n b \nc"),
        ("a {# {{ x }} #} b {#- c -#} d\n  {# e #}\nf", "a  bd\nf"),
        ("{{ 1 -}}  \n {{ 2 }}\n{{- 3 }}  ", r"123  "),
        (
            "{% raw %}{{ x }}{% if %}{% endraw %}|{%- raw -%}  {{ a }}  {%- endraw -%}|",
            "{{ x }}{% if %}|{{ a }}|",
        ),
        ("{ {{- 1 }}{{ '{' }}{{ {'a': {}} }}", "{1{{'a': {}}"),
        (r#"{{ '%}' }}{{ "}}" }}{% set x = '{{' %}{{ x }}"#, "%}}}{{"),
        (
            "{% set x %}  a {{ 1 }}\n{% endset %}[{{ x }}]{% set y | upper | trim %} b {% endset %}[{{ y }}]",
            "[  a 1\n][B]",
        ),
        ("{% filter upper | replace('A', 'b') %}abc{% endfilter %}", "bBC"),
        ("{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}", "1"),
        ("{% generation %}\nx\n{%- endgeneration -%}\n y", "xy"),
        ("{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "12"),
        ("{% if list: %}a{% else: %}b{% endif %}{% set a, b = (1, 2) %}{{ b }}", "a2"),
        ("{% for x in 'abc' %}{{ x }}{{ loop.index }}{{ loop.last }}{% endfor %}", "a1Falseb2Falsec3True"),
        (
            "{% for k in tool %}{{ k }},{% endfor %}{% for k, v in tool | items %}{{ k }}={{ v }}{{ loop.last }};{% endfor %}",
            "name,items,C,name=somaFalse;items=[1]False;C=NoneTrue;",
        ),
        (
            "{% for a, b in ['xy', 'zw'] %}{{ a }}{{ b }}{% endfor %}{% for x in missing %}{% else %}none{% endfor %}",
            "xyzwnone",
        ),
        (
            "{% for x in list if x > 1 %}{{ x }}{{ loop.index }}/{{ loop.length }}{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}",
            "31/222/212",
        ),
        (
            "{% for x in list | map('string') %}{{ x }}{{ loop.last }}{{ loop.revindex }}{% endfor %}",
            "3False31False22True1",
        ),
        (
            "{% for x in list %}{{ loop.cycle('a', 'b') }}{{ loop.previtem }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}",
            "ab3",
        ),
        (
            "{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}[{{ loop(x) }}]{% else %}{{ x }}{% endif %}{% endfor %}",
            "1[2[3]]",
        ),
        (
            "{% macro m(a, b=2, c='x') %}{{ a }}|{{ b }}|{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m(b=1) }} {{ m(1) | length }} {{ m(1) + 'z' }}",
            "1|2|x 1|2|3 |1|x 5 1|2|xz",
        ),
        (
            "{% macro m(a) %}{{ a }}{{ caller(3) }}{% endmacro %}{% call(x) m(1) %}[{{ x }}]{% endcall %}",
            "1[3]",
        ),
        (
            "{% set a, b = 'xy' %}{{ b }}{% set ação = {'não': 1} %}{{ ação.não }}{% macro é(ã=2) %}{{ ã }}{% endmacro %}{{ é(ã=ação['não']) }}",
            "y11",
        ),
        ("{% set g = list | map('string') %}{{ g | list }}{{ g | list }}", "['3', '1', '2'][]"),
        ("{% set g = list | select %}{{ g | first }}{{ g | list }}", "3[1, 2]"),
        ("{% if false %}{{ 1 | unknown }}{{ 1 is unknown }}{% endif %}ok", "ok"),
    ]);
}

#[test]
fn jinja_errors_name_their_line_behind_trimmed_ones() {
    let source = "{#- a\n b -#}\n\n{% if yes\n  and yes -%}\n{% set x = [1,\n 'a\nb'][::-1] %}\n\n{{ missing.a }}{% endif %}";
    for ends in ["\n", "\r\n", "\r"] {
        let err = render(&source.replace('\n', ends)).unwrap_err();
        assert!(matches!(err, Error::Template { line: 10, .. }), "{err}");
    }
}

#[test]
fn jinja_refuses_what_python_refuses() {
    let accepted: Vec<_> = ERRORS.iter().filter_map(|source| Some((source, render(source).ok()?))).collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
}

const ERRORS: &[&str] = &[
    "{{ nothing + 'x' }}",
    "{{ 'a' + 1 }}",
    "{{ missing + 'x' }}",
    "{{ 'x' + missing }}",
    "{{ missing.a }}",
    "{{ missing['a'] }}",
    "{{ missing() }}",
    "{{ nothing.a.b }}",
    "{{ [1] + (2,) }}",
    "{{ 'a' < 1 }}",
    "{{ nothing < 1 }}",
    "{{ missing < 1 }}",
    "{{ 1 in 'a' }}",
    "{{ 'a' in nothing }}",
    "{{ [] in tool }}",
    "{{ 1 / 0 }}",
    "{{ 1 % 0 }}",
    "{{ -word }}",
    "{{ 'a' * 'b' }}",
    "{{ '%s' % (1, 2) }}",
    "{{ '%s %s' % 1 }}",
    "{{ 'abc' % 1 }}",
    "{{ '{}'.format() }}",
    "{{ '{} {0}'.format(1) }}",
    "{{ number[1:] }}",
    "{{ list['a':] }}",
    "{{ list[::0] }}",
    "{% for x in nothing %}{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{% for a, b in list %}{% endfor %}",
    "{% for x in list %}{{ loop.cycle() }}{% endfor %}",
    "{{ number | length }}",
    "{{ nothing | length }}",
    "{{ nothing | list }}",
    "{{ missing | tojson }}",
    "{{ list | map('string') | length }}",
    "{{ list | map('string') | tojson }}",
    "{{ tool.items() | tojson }}",
    "{{ range(3) | tojson }}",
    "{{ list | map('string') | last }}",
    "{{ [1, 'a'] | sort }}",
    "{{ [1, 'a'] | max }}",
    "{{ missing | int }}",
    "{{ word | abs }}",
    "{{ missing | dictsort }}",
    "{{ 5 | items | list }}",
    "{{ 5 | indent }}",
    "{{ people | map(attribute='age.years') | list }}",
    "{{ list.append(4) }}",
    "{{ tool.update({}) }}",
    "{{ tool.pop('name') }}",
    "{{ word.nosuch() }}",
    "{{ word.startswith(1) }}",
    "{{ word.startswith(['a']) }}",
    "{{ ','.join([1]) }}",
    "{{ word.split('') }}",
    "{{ tool.name() }}",
    "{{ list.index(9) }}",
    "{{ 'a' is divisibleby 2 }}",
    "{% do list.append(4) %}",
    r"{{ '\N{DIGIT}' }}",
    "{% set tool.x = 1 %}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}",
    "{{ 1 | unknown }}",
    "{% for x in empty %}{{ x | unknown }}{% endfor %}",
    "{{ 1 is unknown }}",
    "{{ 'a' | split }}",
    "{% include 'chat_template' %}",
    "{% unknown %}",
    "{{ 1 2 }}",
    "{{ }}",
    "{{",
    "{% if %}",
    "{{ 'abc }}",
    "{# x",
    "{{ (1 }}",
    "{{ [1) }}",
    "{% endif %}",
    "{{ a = 1 }}",
    r"{{ '\x' }}",
    "{{ word is string is defined }}",
    "{{ range(1000000) }}",
    "{{ range(1, 2, 0) }}",
];

/// A browser's stack is 1 MiB, and whoever made the file may mean ill.
#[test]
fn jinja_hostile_templates_end_on_a_small_stack() {
    let hostile = [
        "{% set n = namespace(x=[]) %}{% for a in range(100000) %}{% set n.x = [n.x] %}{% endfor %}",
        "{% set n = namespace(x={}) %}{% for a in range(100000) %}{% set n.x = {'a': n.x} %}{% endfor %}",
        "{% set l = ['a'] * 100000 %}{% for a in range(10000) %}{% set x = l | join %}{% endfor %}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(1) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ 'a' * 100000000 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ 10 ** 100 }}",
    ];
    let nested = ["(1+", "[", "{1:", "range(", "not (", "-(", "x[", "x if "]
        .map(|open| format!("{{{{ {}", open.repeat(599)));
    let chained =
        ["+1", "~1", "==1", " and 1", "|string", ".items", "[0]", "()", " if 1"].map(|op| op.repeat(290));
    let chained = chained.map(|chain| format!("{{{{ 1{chain} }}}}"));
    let run = move || {
        for source in hostile.iter().map(|&source| source.to_owned()).chain(nested) {
            let err = render(&source).unwrap_err();
            assert!(matches!(err, Error::Template { .. }), "{err}");
        }
        for source in chained {
            let _ = render(&source);
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn jinja_text_that_grows_in_a_loop_ends() {
    let long = "x".repeat(5000);
    let grows = |step: &str| {
        format!("{{% set n = namespace(x='aaaaaaaa') %}}{{% for i in range(64) %}}{step}{{% endfor %}}")
    };
    let hostile = [
        "{% set n.x = n.x + n.x %}",
        "{% set n.x = n.x ~ n.x %}",
        "{% set n.x = n.x.replace('a', 'aaaa') %}",
        "{% set n.x = n.x | replace('a', 'aaaa') %}",
        "{% set n.x = [n.x, n.x] | join %}",
        "{% set n.x = ''.join([n.x, n.x]) %}",
        "{% set n.x = n.x.join(['a', 'a', 'a']) %}",
        "{% set n.x = '%s%s' % (n.x, n.x) %}",
        "{% set n.x = '{0}{0}'.format(n.x) %}",
        "{% set n.x = [n.x, n.x] | string %}",
        "{% set n.x = [n.x, n.x] | tojson %}",
        "{% set n.x = n.x | indent(n.x, true) + n.x %}",
        "{% set x %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x = x %}",
        "{% filter string %}{{ n.x }}{% endfilter %}{% set n.x = n.x * 2 %}",
    ]
    .map(grows);
    let endless = [
        format!("{{% for i in range(100000) %}}{long}{{% endfor %}}"),
        format!("{{% set x %}}{{% for i in range(100000) %}}{long}{{% endfor %}}{{% endset %}}"),
        "{% set x = 'a' * 1000000 %}{% for i in range(10000) %}{{ x }}{% endfor %}".to_owned(),
        "{% set x = ['a' * 1000000] * 10000 %}{{ x }}".to_owned(),
    ];
    for source in hostile.into_iter().chain(endless) {
        let error = render(&source).unwrap_err();
        assert!(matches!(error, Error::Template { .. }), "{source}: {error}");
    }
    // What a template says itself is as it was, whatever is in it and however long.
    let said = "\\n \"quoted\" {curly} %percent% \u{1f642}\n".repeat(20);
    assert_eq!(render(&format!("{said}{{{{ 1 }}}}")).unwrap(), format!("{said}1"));
    let error = render(&format!("{said}{{{{ 1 // 0 }}}}")).unwrap_err();
    assert!(matches!(error, Error::Template { line: 21, .. }), "{error}");
}
