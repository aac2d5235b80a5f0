// SPDX-License-Identifier: Apache-2.0
// node.mjs HOW WAY NAME: one request, by http and https, fetch, http2, or plain net with c-ares; through a proxy as packages
// for node do it: CONNECT with http, SOCKS by hand over net.
import dns from 'node:dns/promises';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';

const [how, way, name] = process.argv.slice(2);
const proxy = { host: 'proxy.example.net', http: 3128, socks: 1080 };

const finished = (response) => new Promise((resolve, reject) => response.on('end', resolve).on('error', reject).resume());
const answered = (request) => new Promise((resolve, reject) => request.on('response', resolve).on('error', reject).end());

function connected() {
	const request = http.request({ host: proxy.host, port: proxy.http, method: 'CONNECT', path: `${name}:443` });

	return new Promise((resolve, reject) =>
		request.on('connect', (response, socket) => (response.statusCode === 200 ? resolve(socket) : reject(response.statusCode)))
			.on('error', reject).end());
}

async function through_socks(version) {
	const socket = net.connect(proxy.socks, proxy.host);
	const said = () => new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
	const port = Buffer.from([443 >> 8, 443 & 255]);

	if (version === 4) {
		socket.write(Buffer.concat([Buffer.from([4, 1]), port, Buffer.from([0, 0, 0, 1, 0]), Buffer.from(`${name}\0`)]));
	} else {
		socket.write(Buffer.from([5, 1, 0]));
		await said();
		socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), Buffer.from(name), port]));
	}
	await said();
	return socket;
}

const by_https = async (socket) => finished(await answered(https.request({ host: name, path: '/', socket, agent: false })));

async function by_http2() {
	const session = http2.connect(`https://${name}`);

	await finished(session.request({ ':path': '/' }));
	session.close();
}

async function by_net() {
	const [address] = await dns.resolve4(name);
	const socket = net.connect(7, address);

	socket.write('hello');
	await new Promise((resolve) => socket.once('data', resolve));
	socket.end();
}

const ways = {
	'http https': () => by_https(),
	'http http': async () => finished(await answered(http.request({ host: name, path: '/', agent: false }))),
	'http connect': async () => by_https(await connected()),
	'http proxy': async () => finished(await answered(http.request({
		host: proxy.host, port: proxy.http, path: `http://${name}/`, headers: { Host: name }, agent: false }))),
	'http socks5h': async () => by_https(await through_socks(5)),
	'http socks4a': async () => by_https(await through_socks(4)),
	'fetch https': async () => (await fetch(`https://${name}/`)).text(),
	'fetch http': async () => (await fetch(`http://${name}/`)).text(),
	'http2 https': by_http2,
	'net tcp': by_net,
};
await ways[`${how} ${way}`]();
process.exit(0);
