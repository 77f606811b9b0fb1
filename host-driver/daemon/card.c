/* SPDX-License-Identifier: Apache-2.0 */
/* Names, paths and attributes of a card in sysfs. */
#include "card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *sysfs = "/sys";

void card_set_sysfs(const char *path)
{
	sysfs = path;
}

const char *card_sysfs(void)
{
	return sysfs;
}

const char *card_name(const char *argument, char *name, size_t bytes)
{
	const char *slash = strrchr(argument, '/');
	const char *base = slash ? slash + 1 : argument;

	if (!strncmp(base, CARD_PREFIX, strlen(CARD_PREFIX)))
		base += strlen(CARD_PREFIX);
	if (!*base || strspn(base, "0123456789") != strlen(base))
		return NULL;
	snprintf(name, bytes, CARD_PREFIX "%.8s", base);
	return name;
}

void card_path(const char *card, const char *file, char *path, size_t bytes)
{
	snprintf(path, bytes, "%s/class/misc/%s/device%s%s", sysfs, card, *file ? "/" : "", file);
}

int card_folder(const char *argument, char folder[PATH_MAX])
{
	char name[32], path[PATH_MAX];

	if (strspn(argument, "0123456789abcdef:.") == strlen(argument) && strchr(argument, ':'))
		snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sysfs, argument);
	else if (card_name(argument, name, sizeof(name)))
		card_path(name, "", path, sizeof(path));
	else
		return -1;
	return realpath(path, folder) ? 0 : -1;
}

int card_read(const char *path, char *value, size_t bytes)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return -1;
	length = fread(value, 1, bytes - 1, file);
	if (length && value[length - 1] == '\n')
		length--;
	value[length] = '\0';
	fclose(file);
	return 0;
}

int card_write(const char *path, const char *word)
{
	FILE *file = fopen(path, "we");
	int ret;

	if (!file)
		return -1;
	ret = fputs(word, file) < 0 ? -1 : 0;
	/* The kernel answers when the word is written out. */
	return fclose(file) || ret ? -1 : 0;
}
