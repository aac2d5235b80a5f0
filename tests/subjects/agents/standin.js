#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// standin.js HOME URL [-p PROMPT]: the Node stand-in; what it does is said in standin.c.
"use strict";

const { execFileSync } = require("child_process");
const fs = require("fs");
const http = require("http");

const [home, url] = process.argv.slice(2);
if (!url) {
	console.error("usage: standin.js HOME URL [-p PROMPT]");
	process.exit(2);
}

const variables = [
	"ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "STANDIN_BASE_URL", "HTTPS_PROXY", "https_proxy",
	"HTTP_PROXY", "NO_PROXY", "LANG", "LC_ALL", "SHELL",
];
const set = variables.filter((name) => process.env[name] !== undefined).length;
console.log(`standin: ${set} of ${variables.length} variables set`);

function attempt(path) {
	try {
		fs.readFileSync(path);
		return 0;
	} catch (error) {
		return error.errno;
	}
}

void process.env.TZ;
console.log(`standin: time zone ${Intl.DateTimeFormat().resolvedOptions().timeZone}`);
attempt("/usr/share/zoneinfo/Asia/Shanghai");
attempt(`${home}/.standin/settings.json`);
console.log(`standin: credential file, result ${attempt(`${home}/.ssh/id_ed25519`)}`);

for (const [file, ...args] of [["git", "--version"], ["sh", "-c", "date +%Z; cat /etc/hostname; true"]]) {
	try {
		execFileSync(file, args, { stdio: ["ignore", "ignore", "ignore"] });
		console.log(`standin: ran ${file}, exit status 0`);
	} catch (error) {
		console.log(`standin: ran ${file}, exit status ${error.status}`);
	}
}

const request = http.request(`${url}/v1/messages`, { method: "POST" }, (reply) => {
	reply.resume();
	reply.on("end", () => console.log(`standin: asked ${new URL(url).host}, answered`));
});
request.on("error", (error) => console.log(`standin: asked ${new URL(url).host}, ${error.code}`));
request.end();
