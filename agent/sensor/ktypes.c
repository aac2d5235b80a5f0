/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/ktypes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "util/util.h"

#define SIZE_MAX_BYTES (256 << 20)

struct tt_ktypes {
	void *data;
	size_t size;
	bool mapped;
	/* within data */
	const char *types, *types_end, *names;
	size_t names_size; /* its last byte is 0 */
};

/* What follows the struct btf_type, once and for each of its members. */
static const struct {
	uint8_t known, once, each;
} behind[] = {
	[BTF_KIND_INT] = { 1, sizeof(uint32_t), 0 },
	[BTF_KIND_PTR] = { 1, 0, 0 },
	[BTF_KIND_ARRAY] = { 1, sizeof(struct btf_array), 0 },
	[BTF_KIND_STRUCT] = { 1, 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { 1, 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { 1, 0, sizeof(struct btf_enum) },
	[BTF_KIND_FWD] = { 1, 0, 0 },
	[BTF_KIND_TYPEDEF] = { 1, 0, 0 },
	[BTF_KIND_VOLATILE] = { 1, 0, 0 },
	[BTF_KIND_CONST] = { 1, 0, 0 },
	[BTF_KIND_RESTRICT] = { 1, 0, 0 },
	[BTF_KIND_FUNC] = { 1, 0, 0 },
	[BTF_KIND_FUNC_PROTO] = { 1, 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { 1, sizeof(struct btf_var), 0 },
	[BTF_KIND_DATASEC] = { 1, 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_FLOAT] = { 1, 0, 0 },
	[BTF_KIND_DECL_TAG] = { 1, sizeof(struct btf_decl_tag), 0 },
	[BTF_KIND_TYPE_TAG] = { 1, 0, 0 },
	[BTF_KIND_ENUM64] = { 1, 0, sizeof(struct btf_enum64) },
};

static int read_all(int fd, struct tt_ktypes *types)
{
	size_t done = 0;

	types->data = malloc(types->size);
	if (!types->data)
		return -ENOMEM;
	while (done < types->size) {
		ssize_t n = read(fd, (char *)types->data + done, types->size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EINVAL;
		done += (size_t)n;
	}
	return 0;
}

static int load(const char *path, struct tt_ktypes *types)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(struct btf_header) || st.st_size > SIZE_MAX_BYTES)
		return -EINVAL;
	types->size = (size_t)st.st_size;
	types->data = mmap(NULL, types->size, PROT_READ, MAP_PRIVATE, fd, 0);
	types->mapped = types->data != MAP_FAILED;
	return types->mapped ? 0 : read_all(fd, types);
}

static int find_sections(struct tt_ktypes *types)
{
	const struct btf_header *head = types->data;
	size_t size = types->size;

	if (head->magic != BTF_MAGIC || head->hdr_len < sizeof(*head) || head->hdr_len > size)
		return -EINVAL;
	size -= head->hdr_len;
	if (head->type_off > size || head->type_len > size - head->type_off || head->str_off > size ||
	    head->str_len > size - head->str_off || head->str_len == 0 || head->type_off % sizeof(uint32_t) ||
	    head->hdr_len % sizeof(uint32_t))
		return -EINVAL;
	types->types = (char *)types->data + head->hdr_len + head->type_off;
	types->types_end = types->types + head->type_len;
	types->names = (char *)types->data + head->hdr_len + head->str_off;
	types->names_size = head->str_len;
	return types->names[types->names_size - 1] ? -EINVAL : 0;
}

int tt_ktypes_open(const char *path, struct tt_ktypes **ret)
{
	struct tt_ktypes *types = calloc(1, sizeof(*types));
	int r;

	if (!types)
		return -ENOMEM;
	r = load(path, types);
	if (r == 0)
		r = find_sections(types);
	if (r < 0) {
		tt_ktypes_free(types);
		return r;
	}
	*ret = types;
	return 0;
}

void tt_ktypes_free(struct tt_ktypes *types)
{
	if (!types)
		return;
	if (types->mapped)
		munmap(types->data, types->size);
	else
		free(types->data);
	free(types);
}

/* The type at *at, which moves behind it; NULL at the end, also that of what can be made out: an unknown kind has a
 * length that nobody knows. */
static const struct btf_type *next(const struct tt_ktypes *types, const char **at)
{
	const struct btf_type *type = (const void *)*at;
	size_t left = (size_t)(types->types_end - *at), kind, size;

	if (left < sizeof(*type))
		return NULL;
	kind = BTF_INFO_KIND(type->info);
	if (kind >= ARRAY_SIZE(behind) || !behind[kind].known)
		return NULL;
	size = sizeof(*type) + behind[kind].once + (size_t)behind[kind].each * BTF_INFO_VLEN(type->info);
	if (left < size)
		return NULL;
	*at += size;
	return type;
}

static const struct btf_type *find(const struct tt_ktypes *types, const char *name, unsigned kind,
				   uint32_t *ret_id)
{
	const struct btf_type *type;
	const char *at = types->types;

	/* 0 is void, which is not written down */
	for (uint32_t id = 1; (type = next(types, &at)); id++) {
		if (BTF_INFO_KIND(type->info) != kind || type->name_off >= types->names_size ||
		    strcmp(types->names + type->name_off, name) != 0)
			continue;
		*ret_id = id;
		return type;
	}
	return NULL;
}

static const struct btf_type *by_id(const struct tt_ktypes *types, uint32_t id)
{
	const struct btf_type *type = NULL;
	const char *at = types->types;

	for (uint32_t i = 0; i < id; i++) {
		type = next(types, &at);
		if (!type)
			break;
	}
	return type;
}

uint32_t tt_ktypes_find(const struct tt_ktypes *types, const char *name, unsigned kind)
{
	uint32_t id;

	return find(types, name, kind, &id) ? id : 0;
}

unsigned tt_ktypes_arguments(const struct tt_ktypes *types, const char *function)
{
	uint32_t id;
	const struct btf_type *type = find(types, function, BTF_KIND_FUNC, &id);

	type = type ? by_id(types, type->type) : NULL;
	return type && BTF_INFO_KIND(type->info) == BTF_KIND_FUNC_PROTO ? BTF_INFO_VLEN(type->info) : 0;
}
