import { Markup } from './markup.ts';

/** Colours of states keep their order of lightness for people who do not tell them apart by hue. */
export const style = new Markup(`
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --surface: #fff; --ink: #18212c; --muted: #566272; --line: #dde3ea; --plot: #eef1f4;
  --accent: #2f6fb3; --pass: #176b46; --pass-soft: #d8f0e3; --fail: #b3261e; --fail-soft: #fbe0dc;
  --warn: #7a5200; --warn-soft: #fbeccb;
  --live: #a8d9c5; --connecting: #62a2dc; --moving: #9678d3; --suspect: #e9b02f; --backoff: #cf4a2f; --idle: #d3d9e0;
  --mark: #18212c; --band: #18212c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10141a; --surface: #181e27; --ink: #e7ebf1; --muted: #9ba7b6; --line: #2a3340; --plot: #202833;
    --accent: #6aa9e9; --pass: #7fdcb0; --pass-soft: #143a2a; --fail: #ff9d8f; --fail-soft: #4a1d19;
    --warn: #f0c566; --warn-soft: #43330f;
    --live: #2c6953; --connecting: #4c90d0; --moving: #9f86de; --suspect: #e0ab33; --backoff: #ec6848; --idle: #3a4452;
    --mark: #fff; --band: #fff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
.card + .scroll { margin-top: .75rem; }
main { max-width: 75rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin: 0 0 .75rem; font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .6rem; font-size: 1.1rem; }
h3 { margin: 0 0 .5rem; font-size: 1rem; }
.scroll + .charts { margin-top: .75rem; }
.verdict { padding: .1rem .7rem; border-radius: .4rem; letter-spacing: .04em; }
.verdict.pass { background: var(--pass-soft); color: var(--pass); }
.verdict.fail { background: var(--fail-soft); color: var(--fail); }
small { display: block; color: var(--muted); font-size: .8rem; font-weight: 400; }
code { display: block; padding: .6rem .8rem; overflow-x: auto; white-space: pre; border-radius: .4rem; background: var(--plot); font: 13px/1.5 ui-monospace, monospace; }
.card { margin: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--surface); }
.reasons { margin: 0 0 1rem; padding: .6rem .8rem .6rem 1.8rem; border-radius: .4rem; background: var(--fail-soft); color: var(--fail); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem; margin: 1rem 0; padding: 0; }
.figures div { padding: .7rem .9rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--surface); }
.figures dt { color: var(--muted); font-size: .8rem; }
.figures dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.figures .bad dd { color: var(--fail); font-weight: 600; }
.rows { margin: 0; }
.rows div { display: grid; grid-template-columns: minmax(7rem, 35%) 1fr; gap: .75rem; padding: .25rem 0; border-bottom: 1px solid var(--line); }
.rows div:last-child { border-bottom: 0; }
.rows dt { color: var(--muted); }
.rows dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .6rem; background: var(--surface); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .8rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--muted); font-size: .8rem; font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 600; }
.numbers th, .numbers td { white-space: nowrap; }
.numbers :is(th, td):not(:first-child) { text-align: right; }
.guarantees :is(th, td):is(:nth-child(3), :nth-child(4)), .offences :is(th, td):nth-child(3) { text-align: right; }
.guarantees tbody th { min-width: 14rem; }
.guarantees td:last-child, .offences td:nth-child(n + 4) { min-width: 11rem; }
.outcome { padding: .05rem .5rem; border-radius: 1rem; white-space: nowrap; }
.outcome.holds { background: var(--pass-soft); color: var(--pass); }
.outcome.broken { background: var(--fail-soft); color: var(--fail); }
.outcome.not-checked { background: var(--warn-soft); color: var(--warn); }
.timeline { display: grid; grid-template-columns: minmax(5.5rem, 8.5rem) minmax(0, 1fr); gap: .3rem .75rem; align-items: start; }
.timeline .label { font-size: .85rem; line-height: 1.3; }
.timeline .label.lane { display: flex; gap: .4rem; justify-content: space-between; line-height: 16px; white-space: nowrap; }
.timeline .label.lane small { font-size: .75rem; }
.plot { display: block; width: 100%; background: var(--plot); border-radius: 2px; }
.plot.lane { height: 16px; }
.plot.stack { height: 150px; margin-top: .3rem; }
.plot.grid { margin-top: .3rem; }
.plot.bars { height: 110px; }
.plot rect { fill: var(--accent); }
.single { fill: var(--accent); }
.backend { fill: var(--fail); }
path.live { fill: var(--live); } path.connecting { fill: var(--connecting); } path.moving { fill: var(--moving); }
path.suspect { fill: var(--suspect); } path.backoff { fill: var(--backoff); }
path.idle, path.closed { fill: var(--idle); }
path.mark { fill: var(--mark); fill-opacity: .6; }
path.band { fill: var(--band); fill-opacity: .12; stroke: var(--band); stroke-opacity: .45; vector-effect: non-scaling-stroke; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .8rem 0 0; font-size: .85rem; color: var(--muted); }
.legend span { display: flex; gap: .4rem; align-items: center; }
.legend i { width: 1rem; height: .8rem; border-radius: 2px; }
.legend .live { background: var(--live); } .legend .connecting { background: var(--connecting); }
.legend .moving { background: var(--moving); } .legend .suspect { background: var(--suspect); }
.legend .backoff { background: var(--backoff); } .legend .idle { background: var(--idle); }
.legend .mark { height: 3px; background: var(--mark); opacity: .6; }
.legend .band { background: var(--band); opacity: .3; }
.axis { position: relative; height: 1.3rem; font-size: .75rem; color: var(--muted); }
.axis span { position: absolute; top: .15rem; transform: translateX(-50%); white-space: nowrap; }
.axis .first { transform: none; } .axis .last { transform: translateX(-100%); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: .75rem; }
figcaption { display: flex; justify-content: space-between; gap: .75rem; margin-bottom: .5rem; font-weight: 600; }
.quantiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .5rem; margin: .6rem 0 0; }
.quantiles dt { color: var(--muted); font-size: .75rem; }
.quantiles dd { margin: 0; white-space: nowrap; font-variant-numeric: tabular-nums; }
.none { margin: 0; color: var(--muted); }
`);
