/* SPDX-License-Identifier: Apache-2.0 */
/* Names in BTF: every kind of type stepped over, against libbpf; and what is no BTF. */
#include <bpf/btf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "sensor/ktypes.h"
#include "util/util.h"

static char path[] = "/tmp/ktypes.XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	return unlink(path);
}

static void write_file(const void *data, size_t size)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* One of each kind, then the function that is looked for. Returns its id. */
static int make(struct btf **ret)
{
	struct btf *btf = btf__new_empty();
	int number, proto;

	assert_non_null(btf);
	number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	btf__add_ptr(btf, number);
	btf__add_array(btf, number, number, 3);
	btf__add_struct(btf, "same", 8);
	btf__add_field(btf, "a", number, 0, 0);
	btf__add_field(btf, "b", number, 32, 0);
	btf__add_union(btf, "either", 4);
	btf__add_field(btf, "a", number, 0, 0);
	btf__add_enum(btf, "few", 4);
	btf__add_enum_value(btf, "one", 1);
	btf__add_enum64(btf, "many", 8, false);
	btf__add_enum64_value(btf, "large", 1ull << 40);
	btf__add_fwd(btf, "later", BTF_FWD_STRUCT);
	btf__add_typedef(btf, "same", number);
	btf__add_volatile(btf, number);
	btf__add_const(btf, number);
	btf__add_restrict(btf, number);
	btf__add_float(btf, "real", 8);
	btf__add_type_tag(btf, "user", number);
	btf__add_var(btf, "variable", BTF_VAR_STATIC, number);
	btf__add_datasec(btf, ".data", 4);
	btf__add_datasec_var_info(btf, number, 0, 4);
	proto = btf__add_func_proto(btf, number);
	btf__add_func_param(btf, "x", number);
	btf__add_func_param(btf, "y", number);
	btf__add_func_param(btf, "z", number);
	btf__add_decl_tag(btf, "mark", number, -1);
	*ret = btf;
	return btf__add_func(btf, "same", BTF_FUNC_GLOBAL, proto);
}

static void finds_what_libbpf_finds(void **state)
{
	struct tt_ktypes *types;
	struct btf *btf;
	uint32_t size;
	int function = make(&btf);
	const void *data = btf__raw_data(btf, &size);

	assert_true(function > 0);
	write_file(data, size);
	assert_int_equal(tt_ktypes_open(path, &types), 0);
	assert_int_equal(tt_ktypes_find(types, "same", BTF_KIND_FUNC), function);
	assert_int_equal(tt_ktypes_find(types, "same", BTF_KIND_STRUCT),
			 btf__find_by_name_kind(btf, "same", BTF_KIND_STRUCT));
	assert_int_equal(tt_ktypes_find(types, "same", BTF_KIND_TYPEDEF),
			 btf__find_by_name_kind(btf, "same", BTF_KIND_TYPEDEF));
	assert_int_equal(tt_ktypes_find(types, "sam", BTF_KIND_FUNC), 0);
	assert_int_equal(tt_ktypes_find(types, "real", BTF_KIND_FUNC), 0);
	assert_int_equal(tt_ktypes_arguments(types, "same"), 3);
	assert_int_equal(tt_ktypes_arguments(types, "other"), 0);
	tt_ktypes_free(types);
	btf__free(btf);
}

/* The running kernel's, if it has any: the same answers as libbpf's for what is asked of it. */
static void reads_the_kernels(void **state)
{
	static const char *const names[] = { "security_file_open", "udp_recvmsg", "bpf_preempt_disable",
					     "no_such_function" };
	struct tt_ktypes *types = NULL;
	struct btf *btf;
	int r = tt_ktypes_open(TT_KTYPES_PATH, &types);

	if (r == -ENOENT || r == -EACCES)
		skip();
	assert_int_equal(r, 0);
	btf = btf__load_vmlinux_btf();
	assert_non_null(btf);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int id = btf__find_by_name_kind(btf, names[i], BTF_KIND_FUNC);

		assert_int_equal(tt_ktypes_find(types, names[i], BTF_KIND_FUNC), id < 0 ? 0 : id);
	}
	btf__free(btf);
	tt_ktypes_free(types);
}

/* Each cut and each changed byte: no answer outside of the file, which the sanitizers would see. */
static void damaged(void **state)
{
	struct tt_ktypes *types;
	struct btf *btf;
	uint32_t size, refused = 0;
	unsigned char *copy;
	const void *data;

	make(&btf);
	data = btf__raw_data(btf, &size);
	copy = malloc(size);
	assert_non_null(copy);
	for (uint32_t i = 0; i < size; i++) {
		write_file(data, i);
		assert_int_equal(tt_ktypes_open(path, &types), -EINVAL);
	}
	for (uint32_t i = 0; i < size; i++) {
		memcpy(copy, data, size);
		copy[i] ^= 0xff;
		write_file(copy, size);
		if (tt_ktypes_open(path, &types) < 0) {
			refused++;
			continue;
		}
		tt_ktypes_find(types, "same", BTF_KIND_FUNC);
		tt_ktypes_arguments(types, "same");
		tt_ktypes_free(types);
	}
	assert_in_range(refused, 1, size - 1);
	free(copy);
	btf__free(btf);
}

static void not_there(void **state)
{
	struct tt_ktypes *types;

	assert_int_equal(tt_ktypes_open("/nonexistent/btf", &types), -ENOENT);
	write_file("", 0);
	assert_int_equal(tt_ktypes_open(path, &types), -EINVAL);
	tt_ktypes_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_libbpf_finds),
		cmocka_unit_test(reads_the_kernels),
		cmocka_unit_test(damaged),
		cmocka_unit_test(not_there),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
