import { startTestGateway } from '/tmp/w12/test/helpers/gateway.ts';
import { RawStream } from '/tmp/w12/test/helpers/raw-stream.ts';
import { connect } from 'nats';
const nats = process.argv[2]; const ROOMS = Number(process.argv[3] ?? 20000);
const g = await startTestGateway(nats, { heartbeatMs: 5000 } as any);
const streams = []; 
for (let s = 0; s < ROOMS/100; s++) { const st = RawStream.hello(g.address); for (let r = 0; r < 100; r++) st.send({ join: { room: `r${s}-${r}`, start: { live: {} } } }); streams.push(st); }
const done = () => streams.reduce((n, s) => n + s.all('caughtUp').length, 0);
while (done() < ROOMS) await new Promise(r => setTimeout(r, 500));
console.log('joined');
const varz = async () => (await (await fetch(process.argv[4] + '/varz')).json()) as any;
await new Promise(r => setTimeout(r, 35000));
const a = await varz(), ca = process.cpuUsage(), t = Date.now();
await new Promise(r => setTimeout(r, 30000));
const b = await varz(), cb = process.cpuUsage(ca), s = (Date.now()-t)/1000;
console.log({ rooms: ROOMS, inPerS: (b.in_msgs-a.in_msgs)/s, outPerS: (b.out_msgs-a.out_msgs)/s, cpuOfClientAndGateway: (cb.user+cb.system)/1e6/s });
process.exit(0);
