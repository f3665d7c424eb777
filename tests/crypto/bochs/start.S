/* From the reset vector of an x86-64 CPU to payload_main() in 64-bit mode with AVX-512 enabled. The
   image is the machine's whole ROM, the last 64 KiB below 1 MiB: there is no BIOS, and nothing is
   loaded. Exceptions end in payload_exception(). */

/* In RAM: three page tables of a page each, and the stack. */
.set PML4, 0x1000
.set PDPT, 0x2000
.set PD, 0x3000
.set STACK_TOP, 0x80000

.set ROM_SEGMENT, 0xf000      /* in real mode, for addresses from 0xf0000 */
.set CODE32, 0x08             /* selectors of the descriptors in gdt */
.set CODE64, 0x10
.set DATA, 0x18

.set CR0_PE, 1 << 0           /* protected mode */
.set CR0_MP, 1 << 1
.set CR0_PG, 1 << 31          /* paging */
.set CR4_PAE, 1 << 5
.set CR4_OSFXSR, 1 << 9
.set CR4_OSXMMEXCPT, 1 << 10
.set CR4_OSXSAVE, 1 << 18
.set MSR_EFER, 0xc0000080
.set EFER_LME, 1 << 8         /* 64-bit mode */
.set XCR0_AVX512, 0xe7        /* x87, SSE, AVX, opmask, upper halves of zmm0-15, zmm16-31 */

/* At 0xffff0, where execution begins: in real mode. */
.section .reset, "ax"
.code16
    ljmp $ROM_SEGMENT, $(start16 - rom)

/* At 0xf0000. */
.section .start, "ax"
.global rom
rom:
start16:
    cli
    lgdtl %cs:gdt_register - rom
    movl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl $CODE32, $start32

.code32
start32:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss

    /* The first GiB in pages of 2 MiB, each at its own address. Present and writable: 3; large:
       0x80. */
    movl $(PDPT + 3), PML4
    movl $(PD + 3), PDPT
    movl $PD, %edi
    movl $0x83, %eax
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    cmpl $(PD + 0x1000), %edi
    jb 1b

    movl $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE), %eax
    movl %eax, %cr4
    movl $PML4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl $EFER_LME, %eax
    xorl %edx, %edx
    wrmsr
    movl $(CR0_PE | CR0_MP | CR0_PG), %eax
    movl %eax, %cr0
    ljmp $CODE64, $start64

.code64
start64:
    lidt idt_register
    movl $STACK_TOP, %esp
    xorl %ecx, %ecx
    movl $XCR0_AVX512, %eax
    xorl %edx, %edx
    xsetbv
    call payload_main

/* Stores zmm0 to zmm31 and k0 to k7 at rdi. */
.global payload_store_vector_registers
payload_store_vector_registers:
.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
        16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vmovdqa64 %zmm\i, 64*\i(%rdi)
.endr
.irp i, 0, 1, 2, 3, 4, 5, 6, 7
    kmovq %k\i, 64*32 + 8*\i(%rdi)
.endr
    ret

/* What follows is repeated for each of the 32 exceptions. */
.set EXCEPTIONS, 32
.set ENTRY_SIZE, 16
.balign ENTRY_SIZE
exception_entries:
.set vector, 0
.rept EXCEPTIONS
    movl $vector, %edi
    andl $-16, %esp
    call payload_exception
    .balign ENTRY_SIZE
    .set vector, vector + 1
.endr

.balign 16
idt:
.set vector, 0
.rept EXCEPTIONS              /* 0x8e00: an interrupt gate, present */
    .word exception_entries - rom + ENTRY_SIZE * vector, CODE64, 0x8e00, ROM_SEGMENT >> 12
    .quad 0
    .set vector, vector + 1
.endr
idt_register:
    .word idt_register - idt - 1
    .quad idt

.balign 8
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff  /* CODE32: from 0, 4 GiB */
    .quad 0x00af9a000000ffff  /* CODE64 */
    .quad 0x00cf92000000ffff  /* DATA: from 0, 4 GiB */
gdt_register:
    .word gdt_register - gdt - 1
    .long gdt

.section .note.GNU-stack, "", @progbits
