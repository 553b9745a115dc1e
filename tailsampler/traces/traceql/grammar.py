"""The grammar. It takes in more than is answered, so that what is missing is named, not "wrong".

Operators between spansets are a flat row here: the only ones that are answered bind equally.
"""

from typing import Final

from lark import Lark

_GRAMMAR: Final = r"""
start: pipeline

?pipeline: row (PIPE row)*
?row: part (outer part)*
!outer: AND | OR | STRUCTURE | COMPARE | ARITHMETIC | MINUS
part: base call*
    | call+
?base: spanset
     | "(" pipeline ")" -> group
     | WORD | NUMBER | DURATION | STRING
     | MINUS base -> negative
call: WORD "(" [argument ("," argument)*] ")"
?argument: either | spanset

spanset: "{" [either] "}"
?either: comparison ((AND | OR) comparison)*
?comparison: sum (COMPARE sum)*
?sum: unary ((ARITHMETIC | MINUS) unary)*
?unary: NOT unary -> negation
      | MINUS unary -> negative
      | atom
?atom: ATTRIBUTE | SCOPED | WORD | STRING | NUMBER | DURATION
     | "(" either ")"

AND: "&&"
OR: "||"
PIPE: "|"
NOT: "!"
MINUS: "-"
ARITHMETIC: /[+*\/%^]/
STRUCTURE.3: />>|<<|&>>|&<<|&>|&<|&~|!>>|!<<|!>|!<|~/
COMPARE.2: /=~|!~|!=|>=|<=|=|>|</

ATTRIBUTE.4: /(?:parent\.)?(?:parent|resource|span|event|link|instrumentation)?\.(?:"(?:[^"\\]|\\["\\])*"|[^\s{}()=~!<>&|^,"])+/
SCOPED.4: /(?:trace|span|event|link|instrumentation):[A-Za-z]+/
DURATION.3: /(?:[0-9]+(?:\.[0-9]*)?(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h|d|w|y))+/
NUMBER.2: /[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?/
STRING: /"(?:[^"\\\n]|\\.)*"|`[^`]*`/
WORD: /[A-Za-z_][A-Za-z0-9_]*/

%ignore /\s+/
"""  # noqa: E501 - a terminal is one line

parser: Final = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)
