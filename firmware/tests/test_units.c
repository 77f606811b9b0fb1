/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that need no host: text, log, words, errno, terminal, 9P cursors, paths. */

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "check.h"
#include "vop/9p_wire.h"
#include "vop/errno.h"
#include "vop/log.h"
#include "vop/result.h"
#include "vop/terminal.h"
#include "vop/words.h"
#include "vop_shell_internal.h"

static char kept[65536];
static uint32_t kept_bytes;

static void keep(struct vop_text_sink *sink, const char *text, uint32_t count)
{
	(void)sink;
	memcpy(kept + kept_bytes, text, count);
	kept_bytes += count;
	kept[kept_bytes] = '\0';
}

static struct vop_text_sink sink = { .write = keep };

static void forget(void)
{
	kept_bytes = 0;
	kept[0] = '\0';
}

static void formats_print_as_in_c(void)
{
	forget();
	vop_text_print(&sink, "%s|%5u|%-5u|%05u|%x|%08x|%d|%c|%%", "a", 7u, 7u, 7u, 0xbeefu, 0xau,
		       -12, 'z');
	CHECK_TEXT(kept, "a|    7|7    |00007|beef|0000000a|-12|z|%");
	forget();
	vop_text_print(&sink, "%llu %lld %.*s %6s|%-6s|", 18446744073709551615ull,
		       -9223372036854775807ll - 1, 2, "abc", "x", "y");
	CHECK_TEXT(kept, "18446744073709551615 -9223372036854775808 ab      x|y     |");
}

static void text_that_does_not_fit_is_cut_and_ended(void)
{
	char text[4];

	CHECK(!vop_text_copy(text, sizeof(text), "abcdef", 6));
	CHECK_TEXT(text, "abc");
	CHECK(vop_text_copy(text, sizeof(text), "xyz", 3));
	CHECK_TEXT(text, "xyz");
}

static void the_log_keeps_the_latest_whole_lines(void)
{
	struct vop_log *log = calloc(1, sizeof(*log));
	char line[32];

	vop_log_line(log, 1234567, "first");
	forget();
	vop_log_print(log, &sink);
	CHECK_TEXT(kept, "[    1.234] first\n");
	for (unsigned int n = 0; n < 1000; n++) {
		sprintf(line, "line %u", n);
		vop_log_line(log, 0, line);
	}
	forget();
	vop_log_print(log, &sink);
	CHECK(kept_bytes <= VOP_CONFIG_LOG_BYTES);
	CHECK(kept_bytes > VOP_CONFIG_LOG_BYTES - 32);
	CHECK(strncmp(kept, "[    0.000] line ", 17) == 0);
	CHECK_CONTAINS(kept, "line 999\n");
	CHECK(strstr(kept, "first") == NULL);
	free(log);
}

/* A line, and its commands as "word|word;word". */
static void words_are_quoted_as_in_a_shell(void)
{
	static const struct {
		const char *line;
		const char *expected;
	} table[] = {
		{ "", ";" },
		{ "a", "a|;" },
		{ "  a   b ", "a|b|;" },
		{ "a;b", "a|;b|;" },
		{ ";;a;", ";;a|;;" },
		{ "'a b'c", "a bc|;" },
		{ "\"a;b\" c", "a;b|c|;" },
		{ "a\\ b", "a b|;" },
		{ "\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d|;" },
		{ "'a\\b'", "a\\b|;" },
		{ "'' \"\"", "||;" },
		{ "a'b'\"c\"d", "abcd|;" },
		{ "x\ty", "x|y|;" },
		{ "a\\;b", "a;b|;" },
	};

	for (uint32_t n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		char *line = strdup(table[n].line);
		struct vop_words words;

		forget();
		vop_words_init(&words, line);
		while (vop_words_next(&words) == 1) {
			for (uint32_t w = 0; w < words.count; w++) {
				vop_text_print(&sink, "%s|", words.word[w]);
			}
			vop_text_print(&sink, ";");
		}
		CHECK_TEXT(kept, table[n].expected);
		free(line);
	}
}

static void words_that_cannot_be_parsed_are_told_apart(void)
{
	struct vop_words words;
	char quote[] = "a 'b";
	char backslash[] = "a \\";
	char many[200];

	vop_words_init(&words, quote);
	CHECK_EQUAL(vop_words_next(&words), VOP_WORDS_OPEN_QUOTE);
	CHECK_EQUAL(vop_words_next(&words), 0);
	vop_words_init(&words, backslash);
	CHECK_EQUAL(vop_words_next(&words), VOP_WORDS_OPEN_BACKSLASH);
	for (uint32_t n = 0; n < 99; n++) {
		memcpy(many + 2 * n, "a ", 3);
	}
	vop_words_init(&words, many);
	CHECK_EQUAL(vop_words_next(&words), VOP_WORDS_TOO_MANY);
}

static void every_result_has_its_errno(void)
{
	CHECK_EQUAL(vop_errno_of_result(VOP_E_LATE, 0), 110);
	CHECK_EQUAL(vop_errno_of_result(VOP_E_REFUSED, 13), 13);
	CHECK_EQUAL(vop_errno_of_result(VOP_E_MALFORMED, 0), 74);
	CHECK_EQUAL(vop_errno_of_result(VOP_E_GONE, 0), 19);
	CHECK_EQUAL(vop_errno_of_result(VOP_E_SEQUENCE, 0), 71);
	CHECK_EQUAL(vop_errno_of_result(VOP_E_VERSION, 0), 93);
	CHECK_EQUAL(vop_errno_of_result(VOP_E_ARGUMENT, 0), 22);
	CHECK_EQUAL(vop_errno_of_result(VOP_E_FULL, 0), 23);
	CHECK_EQUAL(vop_errno_of_result(-999, 0), 5);
	CHECK_TEXT(vop_errno_name(36), "ENAMETOOLONG");
	CHECK_TEXT(vop_errno_message(28), "no space left on device");
	CHECK(vop_errno_name(999) == NULL);
	CHECK_TEXT(vop_errno_message(999), "unknown error");
}

static void paths_are_cleaned(void)
{
	static const struct {
		const char *argument;
		const char *expected;
	} table[] = {
		{ "/", "/" },           { "//a///b/", "/a/b" }, { "a/./b/../c", "/a/c" },
		{ "/../..", "/" },      { "/a/..", "/" },       { "...", "/..." },
		{ "/a/.b/..c", "/a/.b/..c" },
	};
	char path[VOP_CONFIG_PATH_BYTES];

	for (uint32_t n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		CHECK_EQUAL(vop_shell_path(path, table[n].argument), 0);
		CHECK_TEXT(path, table[n].expected);
	}
	CHECK_EQUAL(vop_shell_path(path, ""), VOP_ENOENT);
}

static void cursors_stop_at_the_end(void)
{
	uint8_t bytes[6] = { 0 };
	struct vop_9p_writer writer = { .at = bytes, .end = bytes + 5 };
	struct vop_9p_reader reader = { .at = bytes, .end = bytes + 5 };
	uint32_t count;

	vop_9p_put_u32(&writer, 0x04030201);
	vop_9p_put_u16(&writer, 0xffff);
	vop_9p_put_u8(&writer, 0xff);
	CHECK(writer.bad);
	CHECK(memcmp(bytes, "\1\2\3\4\0\0", 6) == 0);
	CHECK_EQUAL(vop_9p_get_u16(&reader), 0x0201);
	CHECK(vop_9p_get_string(&reader, &count) == NULL);
	CHECK_EQUAL(count, 0);
	CHECK(reader.bad);
	CHECK_EQUAL(vop_9p_get_u8(&reader), 0);
	CHECK_EQUAL(vop_9p_get_u64(&reader), 0);
}

static void directory_entries_with_bad_names_are_refused(void)
{
	static const char *const names[] = { "", "a/b" };

	for (uint32_t n = 0; n < 2; n++) {
		uint8_t bytes[64];
		struct vop_9p_writer writer = { .at = bytes, .end = bytes + sizeof(bytes) };
		struct vop_9p_reader reader = { .at = bytes };
		struct vop_9p_dirent entry;

		vop_9p_put_u8(&writer, 0);
		vop_9p_put_u32(&writer, 0);
		vop_9p_put_u64(&writer, 0);
		vop_9p_put_u64(&writer, 1);
		vop_9p_put_u8(&writer, 8);
		vop_9p_put_string(&writer, names[n], (uint32_t)strlen(names[n]));
		reader.end = writer.at;
		CHECK_EQUAL(vop_9p_get_dirent(&reader, &entry), VOP_E_MALFORMED);
	}
}

static void terminal_send(struct vop_terminal *terminal, const char *bytes, uint32_t count)
{
	(void)terminal;
	keep(&sink, bytes, count);
}

static void terminal_flush(struct vop_terminal *terminal)
{
	(void)terminal;
}

#define PROMPT "\033]133;A\007card:/> "
#define BEFORE "\033]133;C\007"
#define AFTER(status) "\033]133;D;" #status "\007"

/* What a terminal shows when `typed` is typed after the first prompt. */
static void type(const char *typed)
{
	static struct vop_shell shell;
	static struct vop_terminal terminal;

	terminal.shell = &shell;
	terminal.send = terminal_send;
	terminal.flush = terminal_flush;
	vop_terminal_init(&terminal);
	forget();
	vop_terminal_feed(&terminal, typed, (uint32_t)strlen(typed));
}

static void the_terminal_echoes_marks_and_prompts(void)
{
	type("echo hi\r");
	CHECK_TEXT(kept, "echo hi\r\n" BEFORE "hi\r\n" AFTER(0) PROMPT);
	type("nope;echo b\r\n");
	CHECK_TEXT(kept, "nope;echo b\r\n" BEFORE "nope: ENOSYS: no such command, see help\r\n"
		   AFTER(38) BEFORE "b\r\n" AFTER(0) PROMPT);
	type("\n");
	CHECK_TEXT(kept, "\r\n" PROMPT);
	type("echo '\r");
	CHECK_TEXT(kept, "echo '\r\n" BEFORE "card: EINVAL: a quote is not closed\r\n" AFTER(22)
		   PROMPT);
}

static void the_terminal_edits_whole_characters(void)
{
	type("echo aü\177\177b\n");
	CHECK_TEXT(kept, "echo aü\b \b\b \bb\r\n" BEFORE "b\r\n" AFTER(0) PROMPT);
	type("xü\025echo c\n");
	CHECK_TEXT(kept, "xü\b \b\b \becho c\r\n" BEFORE "c\r\n" AFTER(0) PROMPT);
	type("rubbish\003echo d\n");
	CHECK_TEXT(kept, "rubbish^C\r\n" PROMPT "echo d\r\n" BEFORE "d\r\n" AFTER(0) PROMPT);
	type("\177\033[A\033OP\techo e\n");
	CHECK_TEXT(kept, "echo e\r\n" BEFORE "e\r\n" AFTER(0) PROMPT);
}

static void a_line_that_is_too_long_runs_nothing(void)
{
	char line[VOP_CONFIG_LINE_BYTES + 16] = "echo ";

	memset(line + 5, 'x', sizeof(line) - 7);
	line[sizeof(line) - 2] = '\n';
	line[sizeof(line) - 1] = '\0';
	type(line);
	CHECK_CONTAINS(kept, BEFORE "card: E2BIG: a line holds at most 4095 bytes\r\n" AFTER(7));
	CHECK_TEXT(kept + kept_bytes - strlen(PROMPT), PROMPT);
}

static void help_lists_every_command(void)
{
	type("help\n");
	for (const struct vop_shell_command *command = vop_shell_commands; command->name != NULL;
	     command++) {
		CHECK_CONTAINS(kept, command->name);
	}
}

const struct check_case check_cases[] = {
	CASE(formats_print_as_in_c),
	CASE(text_that_does_not_fit_is_cut_and_ended),
	CASE(the_log_keeps_the_latest_whole_lines),
	CASE(words_are_quoted_as_in_a_shell),
	CASE(words_that_cannot_be_parsed_are_told_apart),
	CASE(every_result_has_its_errno),
	CASE(paths_are_cleaned),
	CASE(cursors_stop_at_the_end),
	CASE(directory_entries_with_bad_names_are_refused),
	CASE(the_terminal_echoes_marks_and_prompts),
	CASE(the_terminal_edits_whole_characters),
	CASE(a_line_that_is_too_long_runs_nothing),
	CASE(help_lists_every_command),
	{ NULL, NULL },
};
