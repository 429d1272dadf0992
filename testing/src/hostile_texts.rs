//! Texts chosen to do harm.

/// Each may stand as the name of a user, an account or an organizational unit, as an email address, as a
/// cell, or as the message of a service.
pub const TEXTS: &[&str] = &[
    // Formulas, also behind characters that a spreadsheet skips.
    "=cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://x\",\"y\")",
    "+1+1",
    "-1-1",
    "@SUM(1)",
    "\t=1",
    "\r\n=1",
    " =1",
    "\u{feff}=1",
    "\u{ff1d}1",
    "a;=1;+2",
    // Quotes and separators.
    "\"",
    "\"\"\",\"",
    "'",
    "a,b\nc\r\nd\te",
    // Markup, in every context of a page.
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "--></style></title></bdi>]]>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onmouseover='alert(1)",
    "&lt;b&gt; &#x3c;b&#62; &amp",
    "{{ 7*7 }} {% raw %} ${x} {0} %s %n",
    "javascript:alert(1)",
    // Links and mentions of chats.
    "<!channel> <@U012AB3CD> <http://x|y> @here",
    "[log in](http://x) `code` *bold* ~gone~",
    // Terminals and logs.
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{9b}2J",
    "\u{0}\u{1}\u{8}\u{b}\u{c}\u{e}\u{1f}\u{7f}\u{85}",
    "name\nNoOutcome: 0 accounts\n\nNew: 0",
    "name\r\n\r\nSubject: forged",
    "{\"level\":\"ERROR\"}\n{\"_aws\":{}}",
    // Unicode.
    "a\u{2028}b\u{2029}c",
    "\u{202e}gnp.exe\u{202c}",
    "\u{2066}a\u{2069}",
    "\u{200b}\u{200d}\u{ad}",
    "\u{fdd0}\u{fffe}\u{ffff}\u{10ffff}",
    "e\u{301}\u{301}\u{301}\u{301}",
    "山田 née שלום 👩‍👩‍👧",
    // Paths, keys and headers.
    "../../../../etc/passwd",
    "a/b\\c?d#e%2e%00",
    "x-amz-meta-execution: other",
    // Nothing, and words of the report itself.
    "",
    " ",
    "\u{3000}",
    "<root_account>",
    "N/A",
    "not_supported",
    // Every character that IAM allows in a name.
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-",
];
