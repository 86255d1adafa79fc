/** Why a file or folder cannot be used, in words and with what to do; the system's own words where we have none. */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder: is the path right, and what it is relative to?',
  ENOTDIR: 'a part of this path is a file, not a folder: correct the path',
  EISDIR: 'is a folder: name a file in it',
  EACCES: 'this user may not use it: change its owner or mode, or run as another user',
  EPERM: 'this user may not use it: change its owner or mode, or run as another user',
  ELOOP: 'its symbolic links lead back to themselves: name the file itself',
  ENAMETOOLONG: 'the name is longer than the file system allows: shorten it',
  ENOSPC: 'the disk is full: make room or name another disk',
  EROFS: 'the disk is read-only: name another, or make it writable',
};

export function fileTrouble(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}
