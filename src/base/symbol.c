/* SPDX-License-Identifier: MIT */
/*
 * dladdr knows exported symbols only, and most functions that reports are about are static. So the symbol table of the
 * module's file is read: mapped, searched once, unmapped. No library does that without allocating, and reports are made
 * on small stacks, in signal handlers, and when memory is out. A stripped file leaves dladdr's answer.
 */
#include "base/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Shdr) elf_section;
typedef ElfW(Sym) elf_symbol;

struct image {
    const char *bytes;
    size_t size;
};

struct found {
    char name[96];
    size_t offset; /* of the place in the function */
};

static bool map_file(const char *path, struct image *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    void *bytes = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size > (off_t)sizeof(elf_header))
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return false;
    *out = (struct image){.bytes = bytes, .size = (size_t)st.st_size};
    return true;
}

/* A part of the file, or NULL if it is not wholly inside. */
static const void *part(const struct image *image, size_t offset, size_t size)
{
    return offset <= image->size && size <= image->size - offset ? image->bytes + offset : NULL;
}

static const elf_section *section(const struct image *image, const elf_header *head, size_t index)
{
    return index < head->e_shnum ? part(image, head->e_shoff + index * sizeof(elf_section), sizeof(elf_section)) : NULL;
}

/* Without what the compiler appends to its copies of a function (".constprop.0", ".part.1"). */
static void copy_name(struct found *out, const char *name)
{
    size_t n = strnlen(name, sizeof out->name - 1);
    const char *dot = memchr(name, '.', n);
    snprintf(out->name, sizeof out->name, "%.*s", (int)(dot != NULL && dot != name ? (size_t)(dot - name) : n), name);
}

static bool search_table(const struct image *image, const elf_section *table, const elf_section *strings,
                         uintptr_t value, struct found *out)
{
    size_t n = table->sh_size / sizeof(elf_symbol);
    const elf_symbol *symbols = part(image, table->sh_offset, n * sizeof(elf_symbol));
    const char *names = part(image, strings->sh_offset, strings->sh_size);
    for (size_t i = 0; symbols != NULL && names != NULL && i < n; i++) {
        const elf_symbol *s = &symbols[i];
        bool covers = value >= s->st_value && value - s->st_value < (s->st_size > 0 ? s->st_size : 1);
        if (ELF64_ST_TYPE(s->st_info) == STT_FUNC && s->st_shndx != SHN_UNDEF && covers &&
            s->st_name < strings->sh_size) {
            copy_name(out, names + s->st_name);
            out->offset = value - s->st_value;
            return true;
        }
    }
    return false;
}

static bool search_image(const struct image *image, uintptr_t value, struct found *out)
{
    const elf_header *head = part(image, 0, sizeof *head);
    if (head == NULL || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    for (size_t i = 0; i < head->e_shnum; i++) {
        const elf_section *table = section(image, head, i);
        const elf_section *strings = table != NULL ? section(image, head, table->sh_link) : NULL;
        if (table != NULL && table->sh_type == SHT_SYMTAB && strings != NULL &&
            search_table(image, table, strings, value, out))
            return true;
    }
    return false;
}

static bool search_file(const Dl_info *info, const struct link_map *module, const void *place, struct found *out)
{
    struct image image;
    bool program = module->l_name[0] == '\0';
    if (!map_file(program ? "/proc/self/exe" : info->dli_fname, &image))
        return false;
    bool found = search_image(&image, (uintptr_t)place - module->l_addr, out);
    munmap((void *)(uintptr_t)image.bytes, image.size);
    return found;
}

const char *drey__place_name(const void *place, char *buffer, size_t n)
{
    Dl_info info;
    struct link_map *module;
    struct found found;
    if (place == NULL || dladdr1(place, &info, (void **)&module, RTLD_DL_LINKMAP) == 0 || info.dli_fname == NULL) {
        snprintf(buffer, n, place == NULL ? "an unknown place" : "%p", place);
        return buffer;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    const char *file = slash != NULL ? slash + 1 : info.dli_fname;
    bool known = search_file(&info, module, place, &found);
    if (!known && info.dli_sname != NULL) {
        copy_name(&found, info.dli_sname);
        found.offset = (size_t)((const char *)place - (const char *)info.dli_saddr);
        known = true;
    }
    if (known && found.offset == 0)
        snprintf(buffer, n, "%s (%s)", found.name, file);
    else if (known)
        snprintf(buffer, n, "%s+0x%zx (%s)", found.name, found.offset, file);
    else
        snprintf(buffer, n, "%s+0x%zx", file, (size_t)((const char *)place - (const char *)info.dli_fbase));
    return buffer;
}

const char *drey__function_name(const void *start, char *buffer, size_t n)
{
    drey__place_name(start, buffer, n);
    char *file = strstr(buffer, " (");
    if (file != NULL && strchr(buffer, '+') == NULL)
        *file = '\0';
    return buffer;
}

const char *drey__symbol_name(const void *address)
{
    Dl_info info;
    if (address == NULL || dladdr(address, &info) == 0 || info.dli_saddr != address)
        return NULL;
    return info.dli_sname;
}
