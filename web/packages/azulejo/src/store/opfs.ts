// The origin private file system: a folder a model in `azulejo/`, a file a chunk.

import { fill } from "./pieces.js";
import type { Bytes, ChunkStore, Meta } from "./store.js";

const FOLDER = "azulejo";
const META = "meta.json";

/** The parts of a file handle that not every browser has. */
interface SyncHandle {
  truncate(size: number): void;
  write(bytes: Uint8Array, at: { at: number }): number;
  flush(): void;
  close(): void;
}
type FileHandle = Omit<FileSystemFileHandle, "createWritable"> &
  Partial<Pick<FileSystemFileHandle, "createWritable">> & { createSyncAccessHandle?(): Promise<SyncHandle> };

/**
 * The store, or null where there is none: old browsers, private windows, no https, no way to write from here. `write`: its
 * folder is made; looking makes none.
 */
export async function opfsStore({ write }: { write: boolean }): Promise<ChunkStore | null> {
  try {
    const handles = globalThis.FileSystemFileHandle?.prototype as Partial<FileHandle> | undefined;
    if (!handles || (write && !("createWritable" in handles || "createSyncAccessHandle" in handles))) return null;
    const root = await navigator.storage.getDirectory();
    return new OpfsStore(await root.getDirectoryHandle(FOLDER, { create: write }));
  } catch {
    return null;
  }
}

/** Deletes all of it, and its folder. */
export async function removeOpfs(): Promise<void> {
  // Where there is none, nothing is kept.
  const root = await navigator.storage?.getDirectory?.().catch(() => null);
  if (root) await found(root.removeEntry(FOLDER, { recursive: true }));
}

/** The value, or null if there is no such file or folder, or one instead of the other. */
async function found<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (["NotFoundError", "TypeMismatchError"].includes((error as Error)?.name)) return null;
    throw error;
  }
}

class OpfsStore implements ChunkStore {
  readonly kind = "opfs";
  readonly #folder: FileSystemDirectoryHandle;

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  async get(key: string, index: number, into: Bytes): Promise<boolean> {
    const file = await this.#file(key, String(index));
    return file !== null && file.size === into.length && fill(into, file.stream());
  }

  put(key: string, index: number, bytes: Bytes): Promise<void> {
    return this.#write(key, String(index), bytes);
  }

  async stored(key: string, lengthOf: (index: number) => number): Promise<Set<number>> {
    const folder = await found(this.#folder.getDirectoryHandle(key));
    if (!folder) return new Set();
    const chunks: Promise<number | null>[] = [];
    for await (const name of names(folder)) {
      if (!/^\d+$/.test(name)) continue;
      const index = Number(name);
      // A file is there, and empty, from the beginning of its chunk's write on.
      chunks.push(fileIn(folder, name).then((file) => (file?.size === lengthOf(index) ? index : null)));
    }
    return new Set((await Promise.all(chunks)).filter((index) => index !== null));
  }

  async meta(key: string): Promise<Meta | null> {
    const file = await this.#file(key, META);
    try {
      return file && JSON.parse(await file.text());
    } catch {
      // Cut short by a crash: written anew the next time.
      return null;
    }
  }

  setMeta(key: string, meta: Meta): Promise<void> {
    return this.#write(key, META, new TextEncoder().encode(JSON.stringify(meta)));
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const name of names(this.#folder)) keys.push(name);
    return keys;
  }

  async delete(key: string): Promise<void> {
    await found(this.#folder.removeEntry(key, { recursive: true }));
  }

  async #file(key: string, name: string): Promise<File | null> {
    const folder = await found(this.#folder.getDirectoryHandle(key));
    return folder && fileIn(folder, name);
  }

  async #write(key: string, name: string, bytes: Bytes): Promise<void> {
    const folder = await this.#folder.getDirectoryHandle(key, { create: true });
    const handle: FileHandle = await folder.getFileHandle(name, { create: true });
    if (handle.createWritable) {
      // Goes to a file of its own, which takes this one's place when it is closed.
      const stream = await handle.createWritable();
      try {
        await stream.write(bytes);
      } catch (error) {
        await stream.abort().catch(() => {});
        throw error;
      }
      return stream.close();
    }
    // Older Safari, in dedicated workers. A crash leaves the file short, which its reader notices.
    const sync = await handle.createSyncAccessHandle!();
    try {
      sync.truncate(0);
      if (sync.write(bytes, { at: 0 }) !== bytes.length) {
        throw new DOMException("The disk took a part of a chunk only.", "QuotaExceededError");
      }
      sync.flush();
    } finally {
      sync.close();
    }
  }
}

async function fileIn(folder: FileSystemDirectoryHandle, name: string): Promise<File | null> {
  const handle = await found(folder.getFileHandle(name));
  return handle && found(handle.getFile());
}

/** The names in a folder; the standard's `keys()` is not in every version of the types. */
function names(folder: FileSystemDirectoryHandle): AsyncIterable<string> {
  return (folder as unknown as { keys(): AsyncIterable<string> }).keys();
}
