# SPDX-License-Identifier: Apache-2.0
# Lines of measure.sh -> one table in Markdown, or with -v tsv=1 lines for cost.sh: sensor, state, operation, added, limit.
# awk -F'\t' -f report.awk limits.tsv MEASURED...
#
# Each measurement is paired with the same round's of `base`; stated are the medians of the pairs' differences and
# ratios, with their quartiles. What base has not (the daemon's own use) stands alone.

function quantile(list, n, q,	k) {
	k = int((n - 1) * q + 0.5) + 1
	return list[k]
}

function sorted(list, n,	i, j, x) {
	for (i = 2; i <= n; i++) {
		x = list[i]
		for (j = i - 1; j > 0 && list[j] > x; j--)
			list[j + 1] = list[j]
		list[j + 1] = x
	}
}

# Four digits are enough, and none behind the point of large numbers.
function short(x) {
	return sprintf(x < 10 && x > -10 ? "%.2f" : x < 100 && x > -100 ? "%.1f" : "%.0f", x)
}

function signed(x) {
	return (x >= 0 ? "+" : "") short(x)
}

function line(	i) {
	rows++
	for (i = 1; i <= cells; i++) {
		table[rows, i] = cell[i]
		if (length(cell[i]) > width[i])
			width[i] = length(cell[i])
	}
}

function verdict(unit, sensor, state, op, got,	key, i, measure, said) {
	for (i = 1; i <= limits; i++) {
		split(limit[i], l, "\t")
		if (l[1] != unit || l[2] != sensor || l[3] != state || l[4] != op)
			continue
		measure = l[5]
		said = (measure == "ratio" ? l[6] " x" : measure == "added" ? "+" l[6] : l[6])
		return said (got[measure] <= l[6] ? ": ok" : l[7] ? ": OVER, " l[7] : ": OVER")
	}
	return ""
}

/^#/ { next }

NF >= 6 && FILENAME ~ /limits\.tsv$/ {
	limit[++limits] = $0
	next
}

NF == 6 {
	row = $1 SUBSEP $4 SUBSEP $5
	value[row, $2, $3] = $6
	if (!((row, $2) in seen)) {
		seen[row, $2] = 1
		if ($2 != "base") {
			what = $4 SUBSEP $5
			if (!(what in rows_of))
				things[++thing_count] = what
			rows_of[what, ++rows_of[what]] = row SUBSEP $2
		}
	}
	if (!(($1, $3) in counted)) {
		counted[$1, $3] = 1
		round[$1, ++round_count[$1]] = $3
	}
}

# One row: what happened in one state, against base.
function state_row(row, state, sensor, op, unit,	r, id, pairs, all) {
	pairs = all = 0
	split("", base); split("", with); split("", added); split("", ratio); split("", got)
	for (r = 1; r <= round_count[sensor]; r++) {
		id = round[sensor, r]
		if (!((row, state, id) in value))
			continue
		with[++all] = value[row, state, id]
		if (!((row, "base", id) in value))
			continue
		base[++pairs] = value[row, "base", id]
		added[pairs] = with[all] - base[pairs]
		ratio[pairs] = base[pairs] ? with[all] / base[pairs] : 0
	}
	sorted(base, pairs); sorted(with, all); sorted(added, pairs); sorted(ratio, pairs)
	got["with"] = quantile(with, all, .5)
	got["added"] = quantile(added, pairs, .5)
	got["ratio"] = quantile(ratio, pairs, .5)
	cell[1] = op; cell[2] = unit; cell[3] = sensor; cell[4] = state; cell[6] = short(got["with"])
	cell[5] = cell[7] = cell[8] = ""
	if (pairs) {
		cell[5] = short(quantile(base, pairs, .5))
		cell[7] = signed(got["added"]) " (" signed(quantile(added, pairs, .25)) " .. " signed(quantile(added, pairs, .75)) ")"
		cell[8] = sprintf("%.3f (%.3f .. %.3f)", got["ratio"], quantile(ratio, pairs, .25), quantile(ratio, pairs, .75))
	}
	cell[9] = verdict(unit, sensor, state, op, got)
	if (tsv)
		printf "%s\t%s\t%s\t%.0f\t%s\n", sensor, state, op, got["added"], cell[9]
	else
		line()
}

END {
	cells = split("operation|unit|sensor|state|base|with|added (quartiles)|ratio (quartiles)|limit", cell, "|")
	line()
	for (t = 1; t <= thing_count; t++) {
		for (i = 1; i <= rows_of[things[t]]; i++) {
			split(rows_of[things[t], i], key, SUBSEP)
			state_row(key[1] SUBSEP key[2] SUBSEP key[3], key[4], key[1], key[2], key[3])
		}
	}
	for (r = 1; r <= rows && !tsv; r++) {
		for (i = 1; i <= cells; i++)
			printf "| %-" width[i] "s ", table[r, i]
		print "|"
		for (i = 1; r == 1 && i <= cells; i++) {
			dashes = sprintf("%" width[i] + 2 "s", "")
			gsub(/ /, "-", dashes)
			printf "|%s", dashes
		}
		if (r == 1)
			print "|"
	}
}
