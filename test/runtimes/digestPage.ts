// Answers a question given as JSON in the page's address.
import { asked, report } from "../browser/page.js";
import { answer, type Question } from "./digest.js";

await report(() => answer(asked<Question>()));
