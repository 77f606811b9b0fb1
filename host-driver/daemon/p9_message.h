/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What vopd must know of 9P2000.L messages to pass a card's on to diod: whether a request is well
 * formed (diod drops its client for one that is not), and how to answer, or complete, it in diod's
 * stead.
 *
 * Ref: diod, protocol.md ("9P2000.L"); Linux, include/net/9p/9p.h.
 */
#ifndef VOPD_P9_MESSAGE_H
#define VOPD_P9_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
	P9_RLERROR = 7,
	P9_TVERSION = 100,
	P9_TATTACH = 104,
	P9_HEADER_BYTES = 7,                /* size[4] type[1] tag[2] */
	P9_ERROR_BYTES = 11,                /* an Rlerror */
	P9_NOTAG = 0xffff,
};

uint32_t p9_size(const uint8_t *message);
uint8_t p9_type(const uint8_t *message);
uint16_t p9_tag(const uint8_t *message);

/*
 * Checks a request of `bytes` bytes, 0 or more. Returns 0; -EPROTO if its size field, a string, a
 * count or its length is wrong; -EOPNOTSUPP if 9P2000.L has no such request.
 */
int p9_check_request(const uint8_t *message, size_t bytes);

/*
 * Checks that a reply of `bytes` bytes, at least a header, answers `request`. Returns 0 or -EPROTO.
 */
int p9_check_reply(const uint8_t *reply, size_t bytes, const uint8_t *request);

/* Writes the P9_ERROR_BYTES of an Rlerror with a positive Linux errno. */
void p9_write_error(uint8_t *reply, uint16_t tag, uint32_t error);

/* Lowers the msize of a checked Tversion to `msize`. */
void p9_limit_version(uint8_t *message, uint32_t msize);

/*
 * Puts `aname`, and if `user` is not negative an empty user name with that uid, into a checked
 * Tattach, in place. Returns its new size, or 0 if it would not fit in `capacity` bytes.
 */
size_t p9_rewrite_attach(uint8_t *message, size_t capacity, const char *aname, long user);

#endif
