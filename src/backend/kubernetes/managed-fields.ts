/** The door to the managed fields of objects for this backend; what they mean stands in `diff/`, as plans read them too. */
export { adoptionOf, claimsOn } from "../../diff/adoption.ts";
export {
  appliedPart,
  declarationEntry,
  declaredMembership,
  FIELD_MANAGER,
  managedEntries,
  ownersOf,
  PART_OF_LABEL,
} from "../../diff/managed-fields.ts";
