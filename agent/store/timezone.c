/* SPDX-License-Identifier: Apache-2.0 */
/* Time-zone look-ups among file and environment rows, recognised by name alone when a row is written:
 * the timezone_lookup view then is plain SQL. Never touches the file system. */
#include "store/timezone.h"

#include "util/util.h"

/* Files that tell the zone, or hold it, wherever the C library in use looks. */
static const struct {
	const char *path, *how;
} files[] = {
	{ "/etc/localtime", "localtime" },
	{ "/etc/timezone", "timezone-file" }, /* Debian */
	{ "/etc/TZ", "timezone-file" }, /* uClibc, OpenWrt */
	{ "/etc/sysconfig/clock", "timezone-file" }, /* older Red Hat, SUSE */
	{ "/etc/conf.d/clock", "timezone-file" }, /* Gentoo */
};

/* Trees in which everything belongs to the tz database. Others are only believed what looks like it:
 * Python has a module `zoneinfo`. */
static const char *const trees[] = {
	"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo",
	"/etc/zoneinfo",       "/share/zoneinfo",   "/usr/share/zoneinfo-posix",
};

/* Parts of the tz database that are no zone, and whole databases of Go, Java and ICU. */
static const char *const indexes[] = {
	"zone.tab",   "zone1970.tab", "zonenow.tab", "tzdata.zi", "leapseconds",  "leap-seconds.list",
	"posixrules", "iso3166.tab",  "+VERSION",    "tzdb.dat",  "zoneinfo.zip", "zoneinfo64.res",
	"posix",      "right",	      "SECURITY",    "tzspec",	  "version",	  "zones",
};

/* Directories of zones: a name that is one of these is no zone. */
static const char *const areas[] = {
	"Africa",
	"America",
	"America/Argentina",
	"America/Indiana",
	"America/Kentucky",
	"Arctic",
	"Antarctica",
	"America/North_Dakota",
	"Asia",
	"Atlantic",
	"Australia",
	"Brazil",
	"Canada",
	"Chile",
	"Etc",
	"Europe",
	"Indian",
	"Mexico",
	"Mideast",
	"Pacific",
	"SystemV",
	"US",
};

static bool listed(const char *const *list, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++) {
		if (tt_streq(list[i], s))
			return true;
	}
	return false;
}

/* "Area/Place": each component starts with a capital letter and has letters, digits, '_', '+', '-'. */
static bool looks_like_zone(const char *name)
{
	bool start = true;

	for (const char *p = name; *p; p++) {
		bool upper = *p >= 'A' && *p <= 'Z';
		bool word = upper || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
			    strchr("_+-", *p);

		if (start ? !upper : !word && *p != '/')
			return false;
		start = *p == '/';
	}
	return !start && strlen(name) < TT_ZONE_MAX && !listed(areas, ARRAY_SIZE(areas), name) &&
	       !listed(indexes, ARRAY_SIZE(indexes), name);
}

/* What follows the last "zoneinfo/" component, without posix/ or right/; NULL if there is none. */
static const char *below_zoneinfo(const char *path)
{
	static const char key[] = "zoneinfo/";
	const char *below = NULL;

	for (const char *p = strstr(path, key); p; p = strstr(p + 1, key)) {
		if (p == path || p[-1] == '/')
			below = p + strlen(key);
	}
	if (below && (strncmp(below, "posix/", 6) == 0 || strncmp(below, "right/", 6) == 0))
		below += 6;
	return below;
}

static const char *zone_in(const char *path)
{
	const char *name = path ? below_zoneinfo(path) : NULL;

	return name && looks_like_zone(name) ? name : NULL;
}

static bool in_tree(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		size_t len = strlen(trees[i]);

		if (strncmp(path, trees[i], len) == 0 && (path[len] == '/' || !path[len]))
			return true;
	}
	return false;
}

/* How a path, whatever was done with it, tells a time zone. */
static const char *how_of(const char *path)
{
	const char *base;

	if (!path)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (tt_streq(path, files[i].path))
			return files[i].how;
	}
	if (zone_in(path))
		return "zoneinfo";
	base = tt_basename(path);
	if (in_tree(path))
		return tt_streq(base, "localtime") ? "localtime" : "zoneinfo-index";
	if ((below_zoneinfo(path) && listed(indexes, ARRAY_SIZE(indexes), base)) ||
	    tt_streq(base, "tzdb.dat") || tt_streq(base, "zoneinfo64.res") ||
	    (tt_streq(base, "zoneinfo.zip") && strstr(path, "/lib/time/")))
		return "zoneinfo-index";
	return NULL;
}

static void set_zone(struct tt_timezone *tz, const char *zone)
{
	if (zone && strlen(zone) < sizeof(tz->name))
		memcpy(tz->name, zone, strlen(zone) + 1);
}

static void of_readlink(const struct tt_row_file *row, const char *how, struct tt_timezone *tz)
{
	const char *zone = zone_in(row->target);

	if (!zone && !how)
		return;
	tz->how = zone || !tt_streq(how, "zoneinfo-index") ? "readlink" : how;
	if (row->result == 0)
		set_zone(tz, zone ? zone : zone_in(row->path));
}

void tt_timezone_of_file(const struct tt_row_file *row, struct tt_timezone *ret)
{
	const char *how = how_of(row->path), *zone;

	*ret = (struct tt_timezone){ 0 };
	if (!how)
		how = how_of(row->real_path);
	if (tt_streq(row->op, "readlink")) {
		of_readlink(row, how, ret);
		return;
	}
	/* Changing the zone is no look-up of it. */
	if (!how || (!tt_streq(row->op, "read") && !tt_streq(row->op, "open")))
		return;

	ret->how = tt_streq(row->file_type, "directory") ? "zoneinfo-index" : how;
	if (row->result != 0 || tt_streq(ret->how, "zoneinfo-index"))
		return;
	/* An alias (PRC) is what was asked for; only a link from elsewhere needs the name of the file. */
	zone = zone_in(row->path);
	set_zone(ret, zone ? zone : zone_in(row->real_path));
}

void tt_timezone_of_env(const struct tt_row_env *row, struct tt_timezone *ret)
{
	const char *value = row->value;

	*ret = (struct tt_timezone){ 0 };
	if (!tt_streq(row->name, "TZ"))
		return;
	ret->how = tt_streq(row->source, "exec") ? "TZ (exec)" : "TZ";
	if (!value)
		return;
	if (*value == ':')
		value++;
	set_zone(ret, *value == '/' ? zone_in(value) : value);
}
