/** The look of the sign-in pages. Colours keep a contrast of at least 4.5 to 1, light and dark. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #17202a; --soft: #50606e; --paper: #f3f6f8; --card: #fff;
  --line: #c9d3da; --act: #0b5c8a; --act-ink: #fff; --wrong: #a3181e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eef2; --soft: #a9b8c3; --paper: #10171d; --card: #19232b;
  --line: #3a4a56; --act: #7cc4ee; --act-ink: #0a1a24; --wrong: #ff9b9b; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; grid-template-rows: auto 1fr auto; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
header, footer { padding: 1rem 1.5rem; display: flex; justify-content: space-between; }
header strong { letter-spacing: .02em; }
header strong::before { content: ""; display: inline-block; width: .7em; height: .9em; margin-right: .5em;
  vertical-align: -.08em; border: solid var(--act); border-width: 0 .22em; }
main { align-self: center; justify-self: center; width: min(26rem, calc(100vw - 2rem)); background: var(--card);
  border: 1px solid var(--line); border-radius: .75rem; padding: 2rem; }
main:focus { outline: none; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: 0 0 1rem; }
.soft { color: var(--soft); font-size: .925rem; }
.wrong { color: var(--wrong); font-weight: 600; }
.wrong:empty { display: none; }
a { color: var(--act); }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input[type=text] { width: 100%; font: inherit; color: inherit; background: transparent; padding: .6rem .75rem;
  border: 1px solid var(--soft); border-radius: .5rem; margin-bottom: .35rem; }
button, .button { display: block; width: 100%; font: inherit; font-weight: 600; text-align: center; cursor: pointer;
  text-decoration: none; padding: .7rem 1rem; border-radius: .5rem; border: 1px solid var(--act);
  background: var(--act); color: var(--act-ink); margin: .5rem 0; overflow-wrap: anywhere; }
button.plain, .button.plain { background: transparent; color: var(--act); }
button:disabled { opacity: .6; cursor: progress; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.or { display: flex; align-items: center; gap: .75rem; color: var(--soft); margin: 1.25rem 0; }
.or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
.code { font: 600 2rem/1 ui-monospace, monospace; letter-spacing: .12em; text-align: center; padding: 1rem;
  border: 1px solid var(--line); border-radius: .5rem; }
.code-input { text-transform: uppercase; letter-spacing: .12em; font-family: ui-monospace, monospace; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; }
form { margin: 0; }
.button + form { margin-top: 1.25rem; }
main > :last-child { margin-bottom: 0; }
`
