/* SPDX-License-Identifier: Apache-2.0 */
/* 9P2000.L requests and replies: see p9_message.h. */
#include "p9_message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { P9_WALK_NAMES = 16 };                /* MAXWELEM: the most names of one Twalk */

/*
 * The body of each request, field by field: a digit is an integer of so many bytes, `s` a string,
 * `n` the names of a Twalk, `d` the data of a Twrite.
 */
static const struct layout {
	uint8_t type;
	const char *fields;
} layouts[] = {
	{ 8, "4" },                         /* Tstatfs fid */
	{ 12, "44" },                       /* Tlopen fid flags */
	{ 14, "4s444" },                    /* Tlcreate fid name flags mode gid */
	{ 16, "4ss4" },                     /* Tsymlink fid name target gid */
	{ 18, "4s4444" },                   /* Tmknod dfid name mode major minor gid */
	{ 20, "44s" },                      /* Trename fid dfid name */
	{ 22, "4" },                        /* Treadlink fid */
	{ 24, "48" },                       /* Tgetattr fid mask */
	{ 26, "4444488888" },               /* Tsetattr fid valid mode uid gid size atime mtime */
	{ 30, "44s" },                      /* Txattrwalk fid newfid name */
	{ 32, "4s84" },                     /* Txattrcreate fid name size flags */
	{ 40, "484" },                      /* Treaddir fid offset count */
	{ 50, "4" },                        /* Tfsync fid */
	{ 50, "44" },                       /* Tfsync fid datasync: Linux sends this one */
	{ 52, "414884s" },                  /* Tlock fid type flags start length proc client */
	{ 54, "41884s" },                   /* Tgetlock fid type start length proc client */
	{ 70, "44s" },                      /* Tlink dfid fid name */
	{ 72, "4s44" },                     /* Tmkdir dfid name mode gid */
	{ 74, "4s4s" },                     /* Trenameat olddirfid oldname newdirfid newname */
	{ 76, "4s4" },                      /* Tunlinkat dirfid name flags */
	{ P9_TVERSION, "4s" },              /* Tversion msize version */
	{ 102, "4ss4" },                    /* Tauth afid uname aname n_uname */
	{ P9_TATTACH, "44ss4" },            /* Tattach fid afid uname aname n_uname */
	{ 108, "2" },                       /* Tflush oldtag */
	{ 110, "44n" },                     /* Twalk fid newfid names */
	{ 116, "484" },                     /* Tread fid offset count */
	{ 118, "48d" },                     /* Twrite fid offset data */
	{ 120, "4" },                       /* Tclunk fid */
	{ 122, "4" },                       /* Tremove fid */
};

/* What is left of a message; every step is checked against the end. */
struct cursor {
	const uint8_t *at;
	size_t bytes;
};

static uint32_t load(const uint8_t *at, unsigned int bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

static void store(uint8_t *at, unsigned int bytes, uint32_t value)
{
	for (unsigned int i = 0; i < bytes; i++, value >>= 8)
		at[i] = (uint8_t)value;
}

uint32_t p9_size(const uint8_t *message)
{
	return load(message, 4);
}

uint8_t p9_type(const uint8_t *message)
{
	return message[4];
}

uint16_t p9_tag(const uint8_t *message)
{
	return (uint16_t)load(message + 5, 2);
}

static bool skip(struct cursor *cursor, size_t bytes)
{
	if (bytes > cursor->bytes)
		return false;
	cursor->at += bytes;
	cursor->bytes -= bytes;
	return true;
}

/* Skips a counter of `bytes` bytes, and returns its value in `count`. */
static bool take_count(struct cursor *cursor, unsigned int bytes, uint32_t *count)
{
	const uint8_t *at = cursor->at;

	if (!skip(cursor, bytes))
		return false;
	*count = load(at, bytes);
	return true;
}

static bool skip_counted(struct cursor *cursor, unsigned int counter_bytes)
{
	uint32_t count;

	return take_count(cursor, counter_bytes, &count) && skip(cursor, count);
}

static bool skip_names(struct cursor *cursor)
{
	uint32_t names;

	if (!take_count(cursor, 2, &names) || names > P9_WALK_NAMES)
		return false;
	while (names--)
		if (!skip_counted(cursor, 2))
			return false;
	return true;
}

static bool fits(const char *fields, const uint8_t *message, size_t bytes)
{
	struct cursor cursor = { message + P9_HEADER_BYTES, bytes - P9_HEADER_BYTES };

	for (; *fields; fields++) {
		bool is_there;

		switch (*fields) {
		case 's': is_there = skip_counted(&cursor, 2); break;
		case 'd': is_there = skip_counted(&cursor, 4); break;
		case 'n': is_there = skip_names(&cursor); break;
		default:  is_there = skip(&cursor, (size_t)(*fields - '0'));
		}
		if (!is_there)
			return false;
	}
	return cursor.bytes == 0;
}

int p9_check_request(const uint8_t *message, size_t bytes)
{
	int result = -EOPNOTSUPP;

	if (bytes < P9_HEADER_BYTES || p9_size(message) != bytes)
		return -EPROTO;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].type != p9_type(message))
			continue;
		if (fits(layouts[i].fields, message, bytes))
			return 0;
		result = -EPROTO;
	}
	return result;
}

int p9_check_reply(const uint8_t *reply, size_t bytes, const uint8_t *request)
{
	const bool is_error = p9_type(reply) == P9_RLERROR && bytes == P9_ERROR_BYTES;

	if (p9_size(reply) != bytes || p9_tag(reply) != p9_tag(request))
		return -EPROTO;
	return is_error || p9_type(reply) == p9_type(request) + 1 ? 0 : -EPROTO;
}

void p9_write_error(uint8_t *reply, uint16_t tag, uint32_t error)
{
	store(reply, 4, P9_ERROR_BYTES);
	reply[4] = P9_RLERROR;
	store(reply + 5, 2, tag);
	store(reply + P9_HEADER_BYTES, 4, error);
}

void p9_limit_version(uint8_t *message, uint32_t msize)
{
	if (load(message + P9_HEADER_BYTES, 4) > msize)
		store(message + P9_HEADER_BYTES, 4, msize);
}

size_t p9_rewrite_attach(uint8_t *message, size_t capacity, const char *aname, long user)
{
	uint8_t *const uname = message + P9_HEADER_BYTES + 8;
	const uint32_t old_uname_bytes = load(uname, 2);
	uint8_t *const old_aname = uname + 2 + old_uname_bytes;
	const uint32_t uid = user < 0 ? load(old_aname + 2 + load(old_aname, 2), 4) :
					(uint32_t)user;
	const uint32_t uname_bytes = user < 0 ? old_uname_bytes : 0;
	const size_t aname_bytes = strlen(aname);
	const size_t size = P9_HEADER_BYTES + 8 + 2 + uname_bytes + 2 + aname_bytes + 4;
	uint8_t *at = uname + 2 + uname_bytes;

	if (size > capacity || aname_bytes > UINT16_MAX)
		return 0;
	store(message, 4, (uint32_t)size);
	store(uname, 2, uname_bytes);
	store(at, 2, (uint32_t)aname_bytes);
	memcpy(at + 2, aname, aname_bytes);
	store(at + 2 + aname_bytes, 4, uid);
	return size;
}
