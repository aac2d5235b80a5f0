/* SPDX-License-Identifier: Apache-2.0 */
/* ELF, as much of it as a sensor needs, read with pread.
 *
 * The file belongs to an observed process: it may lie, be cut short, or change while it is read. So nothing
 * is mapped (a truncated mapping is a SIGBUS), each table has a limit, each offset is checked against
 * overflow, and what is damaged counts as absent. Files of the other byte order cannot run here and are
 * refused. 32-bit structures are widened on reading; nothing after that knows the class. */
#include "util/elf.h"

#include <elf.h>
#include <errno.h>

#include "util/util.h"

#define OFFSET_MAX   ((uint64_t)INT64_MAX)
#define SEGMENTS_MAX 256
/* Firefox's libxul has 60; -ffunction-sections object files thousands, but those are never run. */
#define SECTIONS_MAX 4096
#define NOTES_MAX    (64 * 1024)
#define DYNAMIC_MAX  4096 /* entries */
#define STRING_MAX   4096
/* node's .strtab is 10 MB; a sparse file must not cost more than a moment. */
#define STRTAB_MAX   (64ull << 20)
#define SYMBOLS_MAX  (4ull << 20)
#define CHUNK	     (64 * 1024)
/* How often the bytes of a name may end other names of a string table. */
#define NAMES_MAX    256

struct segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, filesz;
};

struct section {
	uint32_t name, type, link;
	uint64_t offset, size;
};

struct file {
	int fd;
	bool elf64;
	size_t n_segments, n_sections;
	struct segment *segments;
	struct section *sections;
	uint32_t shstrndx;
};

static void file_done(struct file *f)
{
	free(f->segments);
	free(f->sections);
}

/* Exactly len bytes, or -ENODATA. */
static int read_at(int fd, uint64_t offset, void *data, size_t len)
{
	char *p = data;

	if (offset > OFFSET_MAX - len)
		return -ENODATA;
	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_segments(struct file *f, uint64_t offset, uint16_t n, uint16_t entry_size)
{
	size_t want = f->elf64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (n > SEGMENTS_MAX || (n && entry_size != want))
		return -ENOEXEC;
	f->segments = calloc(n ? n : 1, sizeof(*f->segments));
	if (!f->segments)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		union {
			Elf64_Phdr e64;
			Elf32_Phdr e32;
		} p;
		struct segment *s = &f->segments[i];
		int r = offset > OFFSET_MAX - i * want ? -ENODATA
						       : read_at(f->fd, offset + i * want, &p, want);

		if (r < 0)
			return r == -ENODATA ? -ENOEXEC : r;
		if (f->elf64)
			*s = (struct segment){ p.e64.p_type, p.e64.p_flags, p.e64.p_offset, p.e64.p_vaddr,
					       p.e64.p_filesz };
		else
			*s = (struct segment){ p.e32.p_type, p.e32.p_flags, p.e32.p_offset, p.e32.p_vaddr,
					       p.e32.p_filesz };
	}
	f->n_segments = n;
	return 0;
}

/* Sections are optional for a program that runs: damaged ones are as good as none. */
static int read_sections(struct file *f, uint64_t offset, uint16_t n, uint16_t entry_size)
{
	size_t want = f->elf64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);

	if (!n || n > SECTIONS_MAX || entry_size != want || offset > OFFSET_MAX - n * want)
		return 0;
	f->sections = calloc(n, sizeof(*f->sections));
	if (!f->sections)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		union {
			Elf64_Shdr e64;
			Elf32_Shdr e32;
		} h;
		struct section *s = &f->sections[i];

		if (read_at(f->fd, offset + i * want, &h, want) < 0)
			return 0;
		if (f->elf64)
			*s = (struct section){ h.e64.sh_name, h.e64.sh_type, h.e64.sh_link, h.e64.sh_offset,
					       h.e64.sh_size };
		else
			*s = (struct section){ h.e32.sh_name, h.e32.sh_type, h.e32.sh_link, h.e32.sh_offset,
					       h.e32.sh_size };
	}
	f->n_sections = n;
	return 0;
}

static int file_init(struct file *f, int fd)
{
	const unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	union {
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr e64;
		Elf32_Ehdr e32;
	} h;
	int r;

	*f = (struct file){ .fd = fd };
	memset(&h, 0, sizeof(h));
	r = read_at(fd, 0, &h, sizeof(h.e32));
	if (r < 0)
		return r == -ENODATA ? -ENOEXEC : r;
	if (memcmp(h.ident, ELFMAG, SELFMAG) != 0 || h.ident[EI_DATA] != order)
		return -ENOEXEC;
	f->elf64 = h.ident[EI_CLASS] == ELFCLASS64;
	if (!f->elf64 && h.ident[EI_CLASS] != ELFCLASS32)
		return -ENOEXEC;

	if (f->elf64) {
		r = read_at(fd, 0, &h, sizeof(h.e64));
		if (r < 0)
			return r == -ENODATA ? -ENOEXEC : r;
		f->shstrndx = h.e64.e_shstrndx;
		r = read_segments(f, h.e64.e_phoff, h.e64.e_phnum, h.e64.e_phentsize);
		return r < 0 ? r : read_sections(f, h.e64.e_shoff, h.e64.e_shnum, h.e64.e_shentsize);
	}
	f->shstrndx = h.e32.e_shstrndx;
	r = read_segments(f, h.e32.e_phoff, h.e32.e_phnum, h.e32.e_phentsize);
	return r < 0 ? r : read_sections(f, h.e32.e_shoff, h.e32.e_shnum, h.e32.e_shentsize);
}

/* File offset of a virtual address, by the loadable segment that holds it and has all these flags (PF_X). */
static bool file_offset(const struct file *f, uint64_t vaddr, uint32_t flags, uint64_t *ret)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		const struct segment *s = &f->segments[i];

		if (s->type != PT_LOAD || (s->flags & flags) != flags || vaddr < s->vaddr ||
		    vaddr - s->vaddr >= s->filesz)
			continue;
		if (s->offset > OFFSET_MAX - (vaddr - s->vaddr))
			return false;
		*ret = s->offset + (vaddr - s->vaddr);
		return true;
	}
	return false;
}

/* A NUL-terminated string that starts at offset; NULL if it has no end within STRING_MAX or the file. */
static char *read_string(int fd, uint64_t offset)
{
	char text[STRING_MAX];
	ssize_t n;

	if (offset > OFFSET_MAX - sizeof(text))
		return NULL;
	n = pread(fd, text, sizeof(text), (off_t)offset);
	if (n <= 0 || !memchr(text, '\0', (size_t)n))
		return NULL;
	return strdup(text);
}

/* ---- notes */

static char *hex(const unsigned char *data, size_t len)
{
	char *text = malloc(2 * len + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", data[i]);
	text[2 * len] = '\0';
	return text;
}

static void scan_notes(const unsigned char *data, size_t len, struct tt_elf *elf)
{
	static const size_t align = 4; /* also in 64-bit files, but for GNU properties, which we skip */

	for (size_t at = 0; len - at >= sizeof(Elf32_Nhdr);) {
		Elf32_Nhdr note;
		size_t name, desc;

		memcpy(&note, data + at, sizeof(note));
		at += sizeof(note);
		name = ((size_t)note.n_namesz + align - 1) & ~(align - 1);
		desc = ((size_t)note.n_descsz + align - 1) & ~(align - 1);
		if (name > len - at || note.n_descsz > len - at - name)
			return;
		if (note.n_namesz == 4 && !memcmp(data + at, "GNU", 4) && note.n_type == NT_GNU_BUILD_ID &&
		    note.n_descsz >= 8 && note.n_descsz <= 64 && !elf->build_id)
			elf->build_id = hex(data + at + name, note.n_descsz);
		if (note.n_namesz == 4 && !memcmp(data + at, "Go\0", 4))
			elf->is_go = true;
		if (desc > len - at - name)
			return;
		at += name + desc;
	}
}

static int read_notes(const struct file *f, struct tt_elf *elf)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		const struct segment *s = &f->segments[i];
		size_t len = s->filesz < NOTES_MAX ? (size_t)s->filesz : NOTES_MAX;
		_cleanup_free_ unsigned char *data = NULL;

		if (s->type != PT_NOTE || !len)
			continue;
		data = malloc(len);
		if (!data)
			return -ENOMEM;
		if (read_at(f->fd, s->offset, data, len) == 0)
			scan_notes(data, len, elf);
	}
	return 0;
}

/* ---- sections and symbols */

static const struct section *find_section(const struct file *f, const char *name)
{
	size_t len = strlen(name) + 1;
	char text[64];

	if (f->shstrndx >= f->n_sections || len > sizeof(text))
		return NULL;
	for (size_t i = 0; i < f->n_sections; i++) {
		const struct section *strings = &f->sections[f->shstrndx];

		if (f->sections[i].name >= strings->size || strings->size - f->sections[i].name < len ||
		    strings->offset > OFFSET_MAX - f->sections[i].name)
			continue;
		if (read_at(f->fd, strings->offset + f->sections[i].name, text, len) == 0 &&
		    memcmp(text, name, len) == 0)
			return &f->sections[i];
	}
	return NULL;
}

struct symbols {
	uint64_t offset, size;
	uint64_t strings, strings_size;
};

static bool section_symbols(const struct file *f, uint32_t type, struct symbols *ret)
{
	for (size_t i = 0; i < f->n_sections; i++) {
		const struct section *s = &f->sections[i];

		if (s->type != type || s->link >= f->n_sections)
			continue;
		*ret = (struct symbols){ s->offset, s->size, f->sections[s->link].offset,
					 f->sections[s->link].size };
		return true;
	}
	return false;
}

/* Offsets within the string table at which name, as a whole string, can start; also inside of longer
 * strings, since linkers share tails. */
static size_t find_names(const struct file *f, const struct symbols *symbols, const char *name,
			 uint64_t found[NAMES_MAX])
{
	size_t len = strlen(name) + 1, n = 0, kept = 0;
	uint64_t end = symbols->strings_size < STRTAB_MAX ? symbols->strings_size : STRTAB_MAX;
	_cleanup_free_ char *data = malloc(CHUNK + STRING_MAX);

	if (!data || len > STRING_MAX)
		return 0;
	for (uint64_t at = 0; at < end && n < NAMES_MAX;) {
		size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		uint64_t base = at - kept;

		if (symbols->strings > OFFSET_MAX - at ||
		    read_at(f->fd, symbols->strings + at, data + kept, want) < 0)
			break;
		at += want;
		want += kept;
		for (char *p = data; n < NAMES_MAX; p++) {
			p = memmem(p, want - (size_t)(p - data), name, len);
			if (!p)
				break;
			found[n++] = base + (uint64_t)(p - data);
		}
		/* A match may span two chunks, but must not be found twice. */
		kept = want < len - 1 ? want : len - 1;
		memmove(data, data + want - kept, kept);
	}
	return n;
}

struct symbol {
	uint32_t name;
	uint16_t section;
	uint8_t type;
	uint64_t value;
};

static struct symbol widen_symbol(const struct file *f, const char *data)
{
	Elf64_Sym e64;
	Elf32_Sym e32;

	if (f->elf64) {
		memcpy(&e64, data, sizeof(e64));
		return (struct symbol){ e64.st_name, e64.st_shndx, ELF64_ST_TYPE(e64.st_info), e64.st_value };
	}
	memcpy(&e32, data, sizeof(e32));
	return (struct symbol){ e32.st_name, e32.st_shndx, ELF32_ST_TYPE(e32.st_info), e32.st_value };
}

/* First symbol with one of the names' offsets that accept() takes. */
static bool find_symbol(const struct file *f, const struct symbols *symbols, const char *name,
			bool (*accept)(const struct symbol *), struct symbol *ret)
{
	size_t entry = f->elf64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), per_chunk = CHUNK / entry;
	uint64_t total = symbols->size / entry < SYMBOLS_MAX ? symbols->size / entry : SYMBOLS_MAX;
	uint64_t names[NAMES_MAX];
	size_t n_names = find_names(f, symbols, name, names);
	_cleanup_free_ char *data = NULL;

	if (!n_names)
		return false;
	data = malloc(per_chunk * entry);
	if (!data)
		return false;
	for (uint64_t at = 0; at < total;) {
		size_t n = total - at < per_chunk ? (size_t)(total - at) : per_chunk;

		if (symbols->offset > OFFSET_MAX - at * entry ||
		    read_at(f->fd, symbols->offset + at * entry, data, n * entry) < 0)
			return false;
		for (size_t i = 0; i < n; i++) {
			struct symbol symbol = widen_symbol(f, data + i * entry);

			for (size_t k = 0; k < n_names; k++) {
				if (symbol.name == names[k] && accept(&symbol)) {
					*ret = symbol;
					return true;
				}
			}
		}
		at += n;
	}
	return false;
}

/* ---- dynamic section */

struct dynamic {
	uint64_t needed[64];
	size_t n_needed;
	struct symbols symbols;
};

static bool read_dynamic(const struct file *f, struct dynamic *ret)
{
	size_t entry = f->elf64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	const struct segment *s = NULL;
	uint64_t strtab = 0, symtab = 0;
	bool have_strtab, have_symtab;

	for (size_t i = 0; i < f->n_segments && !s; i++)
		if (f->segments[i].type == PT_DYNAMIC)
			s = &f->segments[i];
	if (!s)
		return false;

	for (uint64_t i = 0; i < DYNAMIC_MAX && (i + 1) * entry <= s->filesz; i++) {
		union {
			Elf64_Dyn e64;
			Elf32_Dyn e32;
		} d;
		int64_t tag;
		uint64_t value;

		if (s->offset > OFFSET_MAX - i * entry ||
		    read_at(f->fd, s->offset + i * entry, &d, entry) < 0)
			break;
		tag = f->elf64 ? d.e64.d_tag : d.e32.d_tag;
		value = f->elf64 ? d.e64.d_un.d_val : d.e32.d_un.d_val;
		if (tag == DT_NULL)
			break;
		if (tag == DT_NEEDED && ret->n_needed < ARRAY_SIZE(ret->needed))
			ret->needed[ret->n_needed++] = value;
		else if (tag == DT_STRTAB)
			strtab = value;
		else if (tag == DT_SYMTAB)
			symtab = value;
		else if (tag == DT_STRSZ)
			ret->symbols.strings_size = value;
	}
	have_strtab = file_offset(f, strtab, 0, &ret->symbols.strings);
	have_symtab = file_offset(f, symtab, 0, &ret->symbols.offset);
	/* Nothing says how many dynamic symbols there are; linkers put their names right behind them. */
	if (have_strtab && have_symtab && ret->symbols.strings > ret->symbols.offset)
		ret->symbols.size = ret->symbols.strings - ret->symbols.offset;
	if (!have_strtab)
		ret->symbols.strings_size = 0;
	return true;
}

static bool is_libc(const char *soname)
{
	return !strcmp(soname, "libc.so.6") || !strcmp(soname, "libc.so") ||
	       !strncmp(soname, "libc.musl-", strlen("libc.musl-"));
}

static char *find_libc(const struct file *f, const struct dynamic *dynamic)
{
	for (size_t i = 0; i < dynamic->n_needed; i++) {
		_cleanup_free_ char *soname = NULL;

		if (dynamic->needed[i] >= dynamic->symbols.strings_size ||
		    dynamic->symbols.strings > OFFSET_MAX - dynamic->needed[i])
			continue;
		soname = read_string(f->fd, dynamic->symbols.strings + dynamic->needed[i]);
		if (soname && is_libc(soname))
			return TAKE_PTR(soname);
	}
	return NULL;
}

static bool any_symbol(const struct symbol *symbol)
{
	return true;
}

static bool imports_environ(const struct file *f, const struct dynamic *dynamic)
{
	static const char *const names[] = { "environ", "_environ", "__environ" };
	struct symbols symbols = dynamic->symbols;
	struct symbol symbol;

	section_symbols(f, SHT_DYNSYM, &symbols);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (find_symbol(f, &symbols, names[i], any_symbol, &symbol))
			return true;
	return false;
}

/* ---- public */

void tt_elf_done(struct tt_elf *elf)
{
	free(elf->interp);
	free(elf->build_id);
	free(elf->libc);
	*elf = (struct tt_elf){ 0 };
}

int tt_elf_read(int fd, struct tt_elf *ret)
{
	_cleanup_(file_done) struct file f = { 0 };
	_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
	struct dynamic dynamic = { 0 };
	bool has_interp = false;
	int r;

	r = file_init(&f, fd);
	if (r < 0)
		return r;

	elf.elf64 = f.elf64;
	for (size_t i = 0; i < f.n_segments && !has_interp; i++) {
		has_interp = f.segments[i].type == PT_INTERP;
		if (has_interp)
			elf.interp = read_string(fd, f.segments[i].offset);
	}
	r = read_notes(&f, &elf);
	if (r < 0)
		return r;
	if (read_dynamic(&f, &dynamic)) {
		elf.libc = find_libc(&f, &dynamic);
		elf.imports_environ = imports_environ(&f, &dynamic);
	}
	elf.is_static = !has_interp && !dynamic.n_needed;
	elf.is_go = elf.is_go || find_section(&f, ".go.buildinfo");

	*ret = elf;
	elf = (struct tt_elf){ 0 };
	return 0;
}

static bool is_function(const struct symbol *symbol)
{
	return symbol->type == STT_FUNC && symbol->section != SHN_UNDEF && symbol->value;
}

int tt_elf_symbol_offset(int fd, const char *name, uint64_t *ret_offset)
{
	static const uint32_t tables[] = { SHT_DYNSYM, SHT_SYMTAB };
	_cleanup_(file_done) struct file f = { 0 };
	struct dynamic dynamic = { 0 };
	int r;

	r = file_init(&f, fd);
	if (r < 0)
		return r;
	read_dynamic(&f, &dynamic);

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct symbols symbols = { 0 };
		struct symbol symbol;

		if (!section_symbols(&f, tables[i], &symbols) && tables[i] == SHT_DYNSYM)
			symbols = dynamic.symbols;
		if (find_symbol(&f, &symbols, name, is_function, &symbol) &&
		    file_offset(&f, symbol.value, 0, ret_offset))
			return 0;
	}
	return -ENOENT;
}

int tt_elf_code_offset(int fd, uint64_t address, uint64_t *ret_offset)
{
	_cleanup_(file_done) struct file f = { 0 };
	int r = file_init(&f, fd);

	if (r < 0)
		return r;
	return file_offset(&f, address, PF_X, ret_offset) ? 0 : -ENOENT;
}

int tt_elf_section(int fd, const char *name, uint64_t *ret_offset, uint64_t *ret_size)
{
	_cleanup_(file_done) struct file f = { 0 };
	const struct section *section;
	int r;

	r = file_init(&f, fd);
	if (r < 0)
		return r;
	section = find_section(&f, name);
	if (!section || section->type == SHT_NOBITS || !section->size)
		return -ENOENT;
	*ret_offset = section->offset;
	*ret_size = section->size;
	return 0;
}
