import type { Task } from "../../core/task.js";
import type { ParsedFile } from "../read.js";
import type { CocoOptions } from "./coco.js";

/** What a parser gets in addition to the text. */
interface LabelFile {
  /** Its path, for messages. */
  file: string;
  /** The name of the set. */
  set: string;
  /** The tasks that are wanted. */
  tasks: readonly Task[];
  /** What files of this format may not say themselves. */
  options: CocoOptions;
  /** The paths of pictures from the names that the file gives them, all of one file at once. */
  resolve(names: readonly string[]): Promise<string[]>;
}

/** A format of label files: how its files are found and read. `formats/table.ts` lists all of them. */
export interface LabelFormat {
  /** For messages. */
  readonly name: string;
  /** Of its files, by which one that is named itself is known; none where `answerFolder` stands in place of files. */
  readonly extension?: `.${string}`;
  /** What its files are called in a set, and that in words. */
  readonly fileName: RegExp;
  readonly fileNames: string;
  /**
   * Of a format without label files: the folders within those of the tasks, whose names are the labels of the pictures in them. Its files are these pictures; its text
   * is the list of them, a path from the set's folder on a line.
   */
  readonly answerFolder?: RegExp;
  /** A folder of the set in which its files may lie too. */
  readonly folder?: string;
  /** Folders of the set in which pictures may lie ("" is the set's own), by the file's name without extension: the one with the most of them counts. */
  pictureFolders(file: string): readonly string[];
  /** Reads the text of a file; a sample of 0 x 0 gets the size of its picture; what is wrong with it is among the faults. @throws E_ARGUMENT for bad options */
  parse(text: string, file: LabelFile): Promise<ParsedFile>;
}

/** The parsed file with the paths of its pictures in place of their names. */
export async function withPaths(parsed: ParsedFile, { resolve }: LabelFile): Promise<ParsedFile> {
  const paths = await resolve(parsed.samples.map(({ image }) => image));
  return { ...parsed, samples: parsed.samples.map((sample, i) => ({ ...sample, image: paths[i]! })) };
}
