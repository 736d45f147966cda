/** What TypeScript knows only of workers: files that are written without waiting. */

interface FileSystemSyncAccessHandle {
  write(bytes: Uint8Array<ArrayBuffer>, options?: { at?: number }): number
  flush(): void
  close(): void
}

interface FileSystemFileHandle {
  createSyncAccessHandle(): Promise<FileSystemSyncAccessHandle>
}
